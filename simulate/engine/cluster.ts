// A group of real replicas, each on its own disk, with the part of the runtime around them: an object is made when
// something reaches it, one event is one step, the step's writes are one transaction, and what it sends waits until
// they are durable. A call may be lost before or after it was executed, arrive twice, late or out of order; an object
// may vanish before or after its writes are durable, with its memory, its timers and its open calls.
import type { Effect } from '../../core/replication/effects.ts';
import type { ReplicaLimits } from '../../core/replication/limits.ts';
import type { ClientRequest, ReplicaEvent, TimerName } from '../../core/replication/messages.ts';
import { ANSWERS } from '../../core/replication/messages.ts';
import { createReplica, step } from '../../core/replication/replica.ts';
import { MemoryStore } from '../memory-store.ts';
import { Alarm } from './alarm.ts';
import { askMember, callMember } from './calls.ts';
import type { Chance } from './chance.ts';
import { Disk } from './disk.ts';
import { type FaultName, type Faults, NO_FAULTS } from './faults.ts';
import { type Call, Instance, START_AT } from './instance.ts';
import type { Member, Observer, Try } from './member.ts';
import { EDGES_FROM, Network } from './network.ts';
import { Scheduler } from './scheduler.ts';
import { forsake, isToldOfSetBack } from './storage-loss.ts';
import { Trace } from './trace.ts';
import { traceStep } from './trace-step.ts';

export interface ClusterOptions {
  readonly members: number;
  readonly chance: Chance;
  /** Which of the world's groups it is; the first by default. */
  readonly shard?: number;
  /** The time that it shares with others; by default its own. */
  readonly scheduler?: Scheduler;
  readonly faults?: Faults;
  readonly limits?: Partial<ReplicaLimits>;
  readonly observer?: Observer | null;
  readonly trace?: Trace;
  /** Hears of every fault as it happens to a member. */
  readonly happened?: (fault: FaultName, member: Member) => void;
}

/** A write that takes longer counts as a fault. */
const SLOW_DISK_MS = 20;

/** An object that stops again and again gets nowhere. */
const STOPS_MAX = 50;

const NOBODY: Observer = { step() {}, replaced() {}, escaped() {} };

export class Cluster {
  readonly shard: number;
  readonly scheduler: Scheduler;
  readonly members: readonly Member[];
  readonly network: Network;
  readonly trace: Trace;
  readonly chance: Chance;
  readonly limits: Partial<ReplicaLimits>;
  observer: Observer;
  messagesSent = 0;
  readonly sentByType = new Map<string, number>();
  stepsTaken = 0;
  /** The first error that an object stopped with; null: none has. */
  stopped: unknown = null;
  private stops = 0;
  private readonly onFault: (fault: FaultName, member: Member) => void;

  constructor(options: ClusterOptions) {
    this.shard = options.shard ?? 0;
    this.scheduler = options.scheduler ?? new Scheduler(START_AT);
    this.chance = options.chance;
    this.limits = options.limits ?? {};
    this.observer = options.observer ?? NOBODY;
    this.trace = options.trace ?? new Trace();
    this.onFault = options.happened ?? (() => {});
    const faults = options.faults ?? NO_FAULTS;
    this.network = new Network(this.chance, faults, (fault, place) =>
      this.happened(fault, this.member(place)),
    );
    this.members = Array.from({ length: options.members }, (_, id) => this.createMember(id, options.members));
    this.setFaults(faults);
  }

  get groupId(): string {
    return `g${this.shard + 1}`;
  }

  /** A member as the trace names it. */
  nameOf(id: number): string {
    return this.shard === 0 ? `m${id}` : `s${this.shard}.m${id}`;
  }

  get faults(): Faults {
    return this.network.faults;
  }

  setFaults(faults: Faults): void {
    this.network.faults = faults;
    for (const member of this.members) member.disk.latencyMs = () => this.diskLatencyMs(member);
  }

  private diskLatencyMs(member: Member): number {
    const { diskMs } = this.faults;
    if (diskMs === 0) return 0;
    const latencyMs = this.chance.heavyTailed(diskMs / 4, 100 * diskMs);
    if (latencyMs > SLOW_DISK_MS) this.happened('slow-disk', member);
    return latencyMs;
  }

  member(id: number): Member {
    const found = this.members[id];
    if (found === undefined) throw new Error(`There is no member ${id}`);
    return found;
  }

  happened(fault: FaultName, member: Member): void {
    if (this.trace.print !== null) this.print(`!  ${fault} at ${this.nameOf(member.id)}`);
    this.onFault(fault, member);
  }

  /** One line of the trace, with the time since the start. */
  print(text: string): void {
    this.trace.print?.(`${(this.scheduler.now - START_AT).toFixed(1).padStart(10)}  ${text}`);
  }

  /** The object of a member, made now if it is not in memory; null: nothing reaches it. */
  awake(member: Member): Instance | null {
    if (member.instance !== null) return member.instance;
    const { faults } = this;
    if (member.downUntil > this.scheduler.now) return null;
    member.life += 1;
    const jumps = this.chance.hits(faults.clockJump);
    const skewMs = jumps ? 3_600_000 : faults.clockSkewMs;
    const store = member.disk.visible;
    const instance = new Instance({
      memberId: member.id,
      life: member.life,
      bornAt: this.scheduler.now,
      state: createReplica(store, this.limits),
      store,
      offsetMs: Math.round(this.chance.between(-1, 1) * skewMs),
      rate: 1 + this.chance.between(-1, 1) * faults.clockDrift,
    });
    member.instance = instance;
    this.run(instance, { type: 'boot', nonce: `${member.id}.${member.life}` }, null);
    if (jumps) this.happened('clock-jump', member);
    return instance.isGone ? null : instance;
  }

  /** Everything in memory is lost, and nothing reaches the member for a while. */
  crash(member: Member, downMs: number): void {
    member.downUntil = Math.max(member.downUntil, this.scheduler.now + downMs);
    const { instance } = member;
    member.instance = null;
    if (instance !== null) this.end(instance);
    member.disk.drop();
    // Before it was told: nothing can be known of it, so the operator announces what he has done.
    if (instance !== null && member.isSetBack && !member.isTold) forsake(this, member);
    if (this.trace.print !== null)
      this.print(`!  ${this.nameOf(member.id)} is gone for ${downMs.toFixed(0)} ms`);
  }

  /** A successor takes over at once, on what is durable; the old object keeps its memory and some of its callers. */
  replace(member: Member, forMs: number): void {
    const { instance, zombie } = member;
    if (instance === null || zombie !== null) return;
    if (!member.disk.isSettled) {
      // What it has under way will fail, and nothing leaves it any more: that is a crash.
      this.crash(member, 0);
      return;
    }
    this.happened('zombie-twin', member);
    instance.isSuperseded = true;
    member.zombie = instance;
    member.zombieCallers = this.chance.below(1 << 16);
    member.instance = null;
    // Its view of the disk stays what it was, its successor's is what is durable.
    member.disk.replace(member.disk.durable.clone());
    this.awake(member);
    this.scheduler.after(forMs, () => {
      if (member.zombie === instance) this.endZombie(member);
    });
  }

  endZombie(member: Member): void {
    const { zombie } = member;
    member.zombie = null;
    if (zombie !== null) this.end(zombie);
  }

  private end(instance: Instance): void {
    instance.isGone = true;
    for (const timer of instance.timers.values()) timer.run = null;
    instance.timers.clear();
    for (const call of instance.openCalls) call.fail();
    instance.openCalls.clear();
    for (const tell of [...instance.callers.values()]) tell(null);
    instance.callers.clear();
  }

  /** Whom of the two a caller reaches. */
  reached(member: Member, from: number): Instance | null {
    const { zombie } = member;
    if (member.unheard.size > 0) return null;
    if (zombie !== null && (member.zombieCallers >> from) & 1) return zombie;
    return this.awake(member);
  }

  /** One step, and what follows from it, in order. */
  run(instance: Instance, event: ReplicaEvent, call: Call | null): void {
    if (instance.isGone) return;
    const member = this.member(instance.memberId);
    const { disk } = member;
    const effects = this.step(member, instance, event);
    if (effects === null) return;
    this.stepsTaken += 1;
    traceStep(this, instance, event, effects);
    if (call !== null) instance.openCalls.add(call);
    const fate = this.drawFate(instance, effects);
    let left = fate === 'crash-after-durable' ? this.chance.below(effects.length) : effects.length;
    for (const effect of effects) {
      if (effect.type === 'persist') {
        if (fate === 'crash-before-durable') break;
        // The write of a superseded object fails, and whatever came after it never leaves.
        if (instance.isSuperseded) {
          this.endZombie(member);
          return;
        }
        disk.write(effect.writes);
      } else if (left > 0) {
        left -= 1;
        if (instance.isSuperseded || disk.isSettled) this.leave(member, instance, effect, call);
        else disk.behindGate(() => this.leave(member, instance, effect, call));
      }
    }
    if (fate !== 'crash-before-durable') {
      this.observer.step(member, instance, event, effects);
      if (member.isSetBack && instance.state.loss.isForsaken && !instance.isSuperseded) {
        disk.behindGate(() => isToldOfSetBack(member));
      }
    }
    if (fate !== null) {
      this.happened(fate, member);
      this.crash(member, this.outageMs());
    } else if (call !== null) {
      // There was nothing to say, or it is held back.
      const close = (): void => {
        if (instance.openCalls.delete(call)) call.answer(null);
      };
      if (disk.isSettled) close();
      else disk.behindGate(close);
    }
  }

  /** null: an assertion of the core stopped the object, which begins anew, as in the runtime. */
  private step(member: Member, instance: Instance, event: ReplicaEvent): Effect[] | null {
    try {
      return step(instance.state, instance.store, event, instance.clock(this.scheduler.now));
    } catch (error) {
      const sentence = error instanceof Error ? error.message : String(error);
      if (this.trace.print !== null) this.print(`!  ${this.nameOf(member.id)} stops: ${sentence}`);
      if (instance.isSuperseded) {
        // It met what its successor has done since, and stops, as it should.
        this.endZombie(member);
      } else {
        this.stopped ??= error;
        if (++this.stops > STOPS_MAX) throw error;
        this.crash(member, 0);
      }
      return null;
    }
  }

  private outageMs(): number {
    const isLong = this.chance.hits(this.faults.longOutage);
    return isLong ? this.chance.between(2_000, 15_000) : this.chance.between(0, 2_000);
  }

  private drawFate(
    instance: Instance,
    effects: readonly Effect[],
  ): 'crash-before-durable' | 'crash-after-durable' | null {
    const { crashBeforeDurable, crashAfterDurable, crashGivingUp } = this.faults;
    if (instance.isSuperseded) return null;
    if (crashGivingUp > 0 && effects.at(-1)?.type === 'lost' && this.chance.hits(crashGivingUp))
      return 'crash-after-durable';
    if (crashBeforeDurable + crashAfterDurable === 0) return null;
    const drawn = this.chance.next();
    if (drawn < crashBeforeDurable) return 'crash-before-durable';
    return drawn < crashBeforeDurable + crashAfterDurable ? 'crash-after-durable' : null;
  }

  private leave(member: Member, instance: Instance, effect: Effect, call: Call | null): void {
    this.observer.escaped(member, instance, effect);
    switch (effect.type) {
      case 'send': {
        const { message } = effect;
        if (call !== null && message.to === call.from && ANSWERS.has(message.body.type)) {
          if (instance.openCalls.delete(call)) call.answer(message);
        } else {
          callMember(this, instance, message);
        }
        break;
      }
      case 'reply':
        instance.callers.get(effect.id)?.(effect.answer);
        break;
      case 'setTimer':
        this.setTimer(instance, effect.name, effect.afterMs);
        break;
      case 'setAlarm':
        if (!instance.isSuperseded) member.alarm.set(effect.atMs);
        break;
      case 'persist':
        break;
      case 'event':
        // No fault of these runs changes a row behind the log's back.
        if (effect.name === 'state-differs') throw new Error(`I4: ${effect.name} at member ${member.id}`);
        break;
      case 'lost':
        // A superseded object cannot write either that it gives its storage up.
        if (instance.isSuperseded) this.endZombie(member);
        else forsake(this, member);
        break;
      default:
        effect satisfies never;
    }
  }

  /** A client's try, by way of an edge (calls). */
  ask(
    edge: number,
    id: number,
    requests: readonly ClientRequest[],
    hear: (outcome: Try, index: number) => void,
    wantsRelay = false,
  ): void {
    askMember(this, EDGES_FROM + edge, this.member(id), requests, hear, wantsRelay);
  }

  /** After the time that a message takes. */
  later(from: number, to: number, run: () => void): void {
    this.scheduler.after(this.network.delayMs(from, to, this.scheduler.now), run);
  }

  private setTimer(instance: Instance, name: TimerName, afterMs: number | null): void {
    const armed = instance.timers.get(name);
    if (armed !== undefined) armed.run = null;
    instance.timers.delete(name);
    if (afterMs === null || instance.isGone) return;
    const timer = this.scheduler.after(instance.trueMs(afterMs), () => {
      instance.timers.delete(name);
      this.run(instance, { type: 'timer', name }, null);
    });
    instance.timers.set(name, timer);
  }

  private createMember(id: number, memberCount: number): Member {
    const { groupId, shard } = this;
    const identity = { groupId, shard, memberId: id, memberCount, incarnation: 1, epoch: 1 };
    const member: Member = {
      id,
      disk: new Disk(new MemoryStore(identity), this.scheduler),
      alarm: new Alarm(this, () => member),
      instance: null,
      zombie: null,
      zombieCallers: 0,
      downUntil: 0,
      overloadedUntil: 0,
      life: 0,
      former: [],
      isSetBack: false,
      isTold: false,
      unheard: new Map(),
    };
    return member;
  }
}
