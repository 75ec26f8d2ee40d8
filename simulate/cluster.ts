// A group of real replicas over a simulated network: the part of the adapter, with faults. A call may be lost before
// or after it was executed, arrive twice, late or out of order; an object may vanish before or after its writes are
// durable, with its memory, its timers and its open calls.
import type { Random } from '../core/random.ts';
import type { Effect } from '../core/replication/effects.ts';
import type { ReplicaLimits } from '../core/replication/limits.ts';
import type {
  ClientAnswer,
  ClientRequest,
  Message,
  ReplicaEvent,
  TimerName,
} from '../core/replication/messages.ts';
import { ANSWERS } from '../core/replication/messages.ts';
import { createReplica, type ReplicaState, step } from '../core/replication/replica.ts';
import { type Faults, NO_FAULTS } from './faults.ts';
import { MemoryStore } from './memory-store.ts';
import { Scheduler } from './scheduler.ts';

export interface Member {
  readonly id: number;
  readonly store: MemoryStore;
  /** null while it is down. */
  state: ReplicaState | null;
  life: number;
  clockOffsetMs: number;
  alarmAt: number | null;
  /** Unreachable for the other members, both ways; or one way: hears nothing, or is not heard. */
  cut: boolean;
  deaf: boolean;
  mute: boolean;
  readonly timers: Map<TimerName, symbol>;
  readonly callers: Map<number, (answer: ClientAnswer) => void>;
}

/** Hears of every step that a member has taken, once its writes are durable. */
export type Observer = (member: Member, state: ReplicaState, effects: readonly Effect[]) => void;

const START_AT = 1_800_000_000_000;

export class Cluster {
  readonly scheduler = new Scheduler(START_AT);
  readonly members: readonly Member[];
  faults: Faults;
  private readonly random: Random;
  private readonly limits: Partial<ReplicaLimits>;
  private readonly observe: Observer;
  private nextCall = 1;
  messagesSent = 0;
  readonly sentByType = new Map<string, number>();

  constructor(options: {
    members: number;
    random: Random;
    faults?: Faults;
    limits?: Partial<ReplicaLimits>;
    observe?: Observer;
  }) {
    this.random = options.random;
    this.faults = options.faults ?? NO_FAULTS;
    this.limits = options.limits ?? {};
    this.observe = options.observe ?? (() => {});
    this.members = Array.from({ length: options.members }, (_, memberId) => ({
      id: memberId,
      store: new MemoryStore({
        groupId: 'g1',
        shard: 0,
        memberId,
        memberCount: options.members,
        incarnation: 1,
        epoch: 1,
      }),
      state: null,
      life: 0,
      clockOffsetMs: 0,
      alarmAt: null,
      cut: false,
      deaf: false,
      mute: false,
      timers: new Map(),
      callers: new Map(),
    }));
    for (const member of this.members) this.start(member);
  }

  member(id: number): Member {
    const found = this.members[id];
    if (found === undefined) throw new Error(`There is no member ${id}`);
    return found;
  }

  start(member: Member): void {
    if (member.state !== null) return;
    member.life += 1;
    member.clockOffsetMs = Math.round((this.random.next() * 2 - 1) * this.faults.clockSkewMs);
    member.state = createReplica(member.store, this.limits);
    this.run(member, { type: 'boot', nonce: `${member.id}/${member.life}` }, null);
    this.scheduleAlarm(member);
  }

  /** Everything in memory is lost. */
  crash(member: Member, restartAfterMs: number): void {
    member.state = null;
    member.timers.clear();
    member.callers.clear();
    this.scheduler.after(restartAfterMs, 'fault', () => this.start(member));
  }

  /** A client's call; the answer, if it arrives, comes at most once. */
  ask(id: number, request: ClientRequest, onAnswer: (answer: ClientAnswer) => void): void {
    const member = this.member(id);
    if (this.random.next() < this.faults.drop) return;
    this.scheduler.after(this.delayMs(), 'network', () => {
      if (member.state === null) return;
      const call = this.nextCall++;
      member.callers.set(call, (answer) => {
        member.callers.delete(call);
        if (this.random.next() < this.faults.errorAfterExecution) return;
        this.scheduler.after(this.delayMs(), 'network', () => onAnswer(answer));
      });
      this.run(member, { type: 'client', id: call, request }, null);
    });
  }

  /** One step. Returns the answer it made to `caller`, if any; null as well when the member is down or dies of it. */
  run(member: Member, event: ReplicaEvent, caller: number | null): Message | null {
    const { state } = member;
    if (state === null) return null;
    const nowMs = this.scheduler.now + member.clockOffsetMs;
    const effects = step(state, member.store, event, nowMs);
    const fate = this.random.next();
    if (fate < this.faults.crashBeforePersist) {
      this.crash(member, this.outage());
      return null;
    }
    const outputs = effects.filter((effect) => {
      if (effect.type === 'persist') member.store.write(effect.writes);
      return effect.type !== 'persist';
    });
    this.observe(member, state, effects);
    const dies = fate < this.faults.crashBeforePersist + this.faults.crashAfterPersist;
    const escaping = dies ? outputs.slice(0, Math.floor(this.random.next() * outputs.length)) : outputs;
    let answer: Message | null = null;
    for (const effect of escaping) answer = this.carryOut(member, effect, caller) ?? answer;
    if (dies) this.crash(member, this.outage());
    return dies ? null : answer;
  }

  private carryOut(member: Member, effect: Effect, caller: number | null): Message | null {
    switch (effect.type) {
      case 'send':
        if (effect.message.to === caller && ANSWERS.has(effect.message.body.type)) return effect.message;
        this.call(member, effect.message);
        break;
      case 'reply':
        member.callers.get(effect.id)?.(effect.answer);
        break;
      case 'setTimer':
        this.setTimer(member, effect.name, effect.afterMs);
        break;
      case 'setAlarm':
        member.alarmAt = effect.atMs;
        this.scheduleAlarm(member);
        break;
      case 'persist':
        throw new Error('A step persists once, first');
      default:
        effect satisfies never;
    }
    return null;
  }

  private outage(): number {
    return this.random.next() < this.faults.longCrash
      ? 2_000 + this.random.next() * 12_000
      : 20 + this.random.next() * 2_000;
  }

  private call(from: Member, message: Message): void {
    this.messagesSent += 1;
    this.sentByType.set(message.body.type, (this.sentByType.get(message.body.type) ?? 0) + 1);
    const { life } = from;
    const to = this.member(message.to);
    const toSender = (event: ReplicaEvent): void => {
      this.scheduler.after(this.delayMs(), 'network', () => {
        if (from.life === life) this.run(from, event, null);
      });
    };
    const fail = (): void => {
      if (this.random.next() >= this.faults.silent) toSender({ type: 'sendFailed', message });
    };
    const deliver = (): void => {
      if (!reaches(from, to)) {
        fail();
        return;
      }
      const answer = this.run(to, { type: 'message', message }, message.from);
      const lost = !reaches(to, from) || this.random.next() < this.faults.errorAfterExecution;
      if (answer === null || lost) fail();
      else toSender({ type: 'message', message: answer });
    };
    if (this.random.next() < this.faults.drop) fail();
    else this.scheduler.after(this.delayMs(), 'network', deliver);
    if (this.random.next() < this.faults.duplicate) {
      this.scheduler.after(this.delayMs() * 3, 'network', deliver);
    }
  }

  private delayMs(): number {
    if (this.random.next() < this.faults.slow) return 200 + this.random.next() * 3_000;
    return 1 + this.random.next() * 20;
  }

  private setTimer(member: Member, name: TimerName, afterMs: number | null): void {
    const armed = Symbol(name);
    if (afterMs === null) {
      member.timers.delete(name);
      return;
    }
    member.timers.set(name, armed);
    this.scheduler.after(afterMs, 'timer', () => {
      if (member.timers.get(name) !== armed) return;
      member.timers.delete(name);
      this.run(member, { type: 'timer', name }, null);
    });
  }

  private scheduleAlarm(member: Member): void {
    const { alarmAt } = member;
    if (alarmAt === null) return;
    this.scheduler.after(alarmAt - (this.scheduler.now + member.clockOffsetMs), 'alarm', () => {
      if (member.alarmAt !== alarmAt || member.state === null) return;
      member.alarmAt = null;
      this.run(member, { type: 'alarm' }, null);
    });
  }
}

function reaches(from: Member, to: Member): boolean {
  return !from.cut && !to.cut && !from.mute && !to.deaf;
}
