// The object that purges go through, around the product's own decisions (core/purging): one object over all groups, on
// a disk of its own, with an alarm, a clock, and lives that end in the middle of things.
import { mismatch, mustBePurged, type PurgeAnswer, PurgeBook } from '../../core/purging/purge-book.ts';
import { inOrder, type PurgeSelection, selectionText } from '../../core/purging/purge-selection.ts';
import { isNewer, type Viewstamp } from '../../core/replication/viewstamp.ts';
import { START_AT } from '../engine/instance.ts';
import { EDGES_FROM } from '../engine/network.ts';
import type { Scheduled } from '../engine/scheduler.ts';
import type { World } from '../engine/world.ts';
import { MemoryIntents } from '../memory-intents.ts';
import { GroupLink } from './group-link.ts';

export interface PurgeAsked {
  readonly purgeId: string;
  readonly selection: PurgeSelection;
  readonly isStrict: boolean;
}

/** As in the product. */
const ROUND_MS = 5_000;
const TRY_MS = 1_500;
const RETRY_MS_MIN = 1_000;
const RETRY_MS_MAX = 60_000;
const ROUNDS_AT_ONCE = 16;
/** How long an edge waits for its answer. */
const CALL_MS = 12_000;
/** The platform tells an alarm again whose object went before it was done. */
const ALARM_AGAIN_MS = 2_000;
/** In its network with the edges. */
const HERE = 0;

/** One life of the object. */
interface Life {
  readonly intents: MemoryIntents;
  readonly book: PurgeBook;
  readonly links: readonly GroupLink[];
  /** Rounds under way, and who waits for them. */
  readonly rounds: Map<string, (() => void)[]>;
  /** Open calls of edges: they fail with the object. */
  readonly callers: Set<() => void>;
  readonly offsetMs: number;
  readonly rate: number;
  retryMs: number;
  isGone: boolean;
}

export class Coordinator {
  /** Crashes so far. */
  crashes = 0;
  private readonly world: World;
  /** Its place in the networks of the groups, counted from the first edge. */
  private readonly place: number;
  private durable = new MemoryIntents();
  private life: Life | null = null;
  private downUntil = 0;
  private isHealed = false;
  /** How far the clock of its next life is ahead; null: as the faults have it. */
  private aheadMs: number | null = null;
  /** Epoch ms of true time; null: none is set. */
  private alarm: Scheduled | null = null;
  private alarmAt: number | null = null;
  /** A fault of the run has ended its object. */
  onCrash: () => void = () => {};

  constructor(world: World, place: number) {
    this.world = world;
    this.place = place;
  }

  /** Nothing is left to be done. */
  get isDone(): boolean {
    return this.durable.pendingCount() === 0;
  }

  start(): void {
    const { chance, scheduler, faults } = this.world;
    const everyMs = faults.coordinatorCrash;
    if (everyMs === null) return;
    scheduler.after(chance.next() * 2 * everyMs, () => {
      if (this.isHealed) return;
      this.crash();
      this.start();
    });
  }

  heal(): void {
    this.isHealed = true;
    this.downUntil = 0;
    this.world.network.faults = this.world.faults;
    this.world.network.mendAll();
  }

  /** An edge's call. Hears null when it failed, or was not answered in time. */
  purge(edge: number, asked: PurgeAsked, hear: (answer: PurgeAnswer | null) => void): void {
    const { network, scheduler } = this.world;
    const from = EDGES_FROM + edge;
    let isOpen = true;
    const settle = (answer: PurgeAnswer | null): void => {
      if (!isOpen) return;
      isOpen = false;
      timer.run = null;
      hear(answer);
    };
    const timer = scheduler.after(CALL_MS, () => settle(null));
    const back = (answer: PurgeAnswer | null): void => {
      if (!network.loses(HERE, from)) this.world.later(HERE, from, () => settle(answer));
    };
    if (network.loses(from, HERE)) return;
    this.world.later(from, HERE, () => {
      const life = this.awake();
      if (life === null) {
        back(null);
        return;
      }
      const fail = (): void => back(null);
      life.callers.add(fail);
      this.take(life, asked, (answer) => {
        if (life.callers.delete(fail)) back(answer);
      });
    });
  }

  private take(
    life: Life,
    { purgeId, selection, isStrict }: PurgeAsked,
    answer: (answer: PurgeAnswer | null) => void,
  ): void {
    const { book } = life;
    const ordered = inOrder(selection);
    const digest = selectionText(ordered);
    if (!book.knows(purgeId)) this.turn(life, (after) => after(() => this.armAlarm(life)));
    this.turn(life, (after) => {
      const taken = book.take({ purgeId, by: 'client', digest }, ordered, this.clock(life));
      if (taken === 'mismatch' || taken === 'full') {
        after(() => answer(taken === 'mismatch' ? mismatch(purgeId) : null));
        return;
      }
      let isTold = false;
      const report = (): void => {
        if (isTold || life.isGone) return;
        isTold = true;
        this.turn(life, (then) => {
          const told = book.report(purgeId, this.clock(life));
          if (told === null || !isStrict || told.type !== 'done') {
            then(() => answer(told));
            return;
          }
          const strict = book.strictly(told, this.clock(life));
          then(() => {
            this.mayEndWaiting(life, strict.waitMs);
            this.later(life, strict.waitMs, () => answer(strict.answer));
          });
        });
      };
      if (taken === 'done') {
        report();
        return;
      }
      this.later(life, ROUND_MS, report);
      this.round(life, purgeId, report);
    });
  }

  /** One round for a purge at a time; whoever comes meanwhile joins it. */
  private round(life: Life, purgeId: string, ended: () => void): void {
    const known = life.rounds.get(purgeId);
    if (known !== undefined) {
      known.push(ended);
      return;
    }
    life.rounds.set(purgeId, [ended]);
    const end = (): void => {
      const waiting = life.rounds.get(purgeId) ?? [];
      life.rounds.delete(purgeId);
      for (const tell of waiting) tell();
    };
    const { chance, faults, map } = this.world;
    const deadlineMs = ROUND_MS;
    // The directory is asked first, and may not answer.
    this.later(life, chance.between(2, 50), () => {
      if (chance.hits(faults.drop)) end();
      else this.ask(life, purgeId, deadlineMs, map, end);
    });
  }

  private ask(life: Life, purgeId: string, deadlineMs: number, map: World['map'], end: () => void): void {
    this.turn(life, (after) => {
      const round = life.book.round(purgeId, map);
      if (round === null) {
        end();
        return;
      }
      let left = round.open.length;
      const finish = (): void =>
        this.turn(life, (then) => {
          round.end(this.clock(life));
          then(end);
        });
      if (left === 0) {
        finish();
        return;
      }
      for (const { group, commands } of round.open) {
        const { shard } = group;
        const requests = commands.map((named) => ({ type: 'command', ...named }) as const);
        const options = { deadlineMs, tryMs: TRY_MS, anyMember: false };
        after(() =>
          life.links[shard]?.call(requests, options, (outcome) =>
            this.turn(life, (then) => {
              if (outcome.type === 'answered') {
                const results = outcome.answers.flatMap((one) => (one.type === 'result' ? [one] : []));
                mustBePurged(
                  shard,
                  results.map(({ result }) => result),
                );
                round.committed(shard, {
                  bookmark: newestOf(results.map(({ bookmark }) => bookmark)),
                  limitMs: Math.max(...results.map(({ limitMs }) => limitMs)),
                });
              }
              left -= 1;
              if (left === 0) then(finish);
            }),
          ),
        );
      }
    });
  }

  /** Behind the first round; one that is set already comes sooner. */
  private armAlarm(life: Life): void {
    const atMs = this.world.scheduler.now + (ROUND_MS + RETRY_MS_MIN) / life.rate;
    if (this.alarmAt === null || this.alarmAt > atMs) this.setAlarm(atMs);
  }

  private setAlarm(atMs: number): void {
    const { scheduler } = this.world;
    if (this.alarm !== null) this.alarm.run = null;
    this.alarmAt = atMs;
    this.alarm = scheduler.after(atMs - scheduler.now, () => {
      this.alarmAt = null;
      this.alarm = null;
      this.ring();
    });
  }

  private ring(): void {
    const again = (): void => {
      const { scheduler } = this.world;
      if (this.alarmAt === null) this.setAlarm(scheduler.now + ALARM_AGAIN_MS);
    };
    const life = this.awake();
    if (life === null) {
      again();
      return;
    }
    life.callers.add(again);
    const { book } = life;
    const end = (): void =>
      this.turn(life, (after) => {
        book.forget(this.clock(life));
        const { hasOpen, forgetsAt } = book;
        life.retryMs = hasOpen ? Math.min(2 * life.retryMs, RETRY_MS_MAX) : RETRY_MS_MIN;
        const forgetsInMs = forgetsAt === null ? null : forgetsAt + RETRY_MS_MIN - this.clock(life);
        const nextMs = hasOpen ? life.retryMs : forgetsInMs;
        after(() => {
          life.callers.delete(again);
          if (nextMs !== null) this.setAlarm(this.world.scheduler.now + Math.max(0, nextMs) / life.rate);
        });
      });
    this.turn(life, (after) => {
      const open = book.nextOpen(ROUNDS_AT_ONCE, this.clock(life));
      let left = open.length;
      if (left === 0) {
        after(end);
        return;
      }
      for (const purgeId of open) {
        after(() =>
          this.round(life, purgeId, () => {
            left -= 1;
            if (left === 0) end();
          }),
        );
      }
    });
  }

  /** What happens at once, and is durable before anything that follows from it: or it never was, and the object is gone. */
  private turn(life: Life, work: (after: (run: () => void) => void) => void): void {
    if (life.isGone) return;
    const { chance, faults } = this.world;
    const following: (() => void)[] = [];
    work((run) => following.push(run));
    if (life.isGone) return;
    const { crashBeforeDurable, crashAfterDurable } = faults;
    if (chance.hits(crashBeforeDurable * CRASHES)) {
      this.crash();
      return;
    }
    this.durable = life.intents.clone();
    const crashes = chance.hits(crashAfterDurable * CRASHES);
    const left = crashes ? chance.below(following.length + 1) : following.length;
    for (const run of following.slice(0, left)) run();
    if (crashes && !life.isGone) this.crash();
  }

  private crash(): void {
    const { chance, scheduler } = this.world;
    const { life } = this;
    this.life = null;
    if (life === null) return;
    this.crashes += 1;
    this.onCrash();
    this.world.print(() => '!  the coordinator is gone');
    this.downUntil = scheduler.now + (chance.hits(0.5) ? 0 : chance.heavyTailed(50, 5_000));
    life.isGone = true;
    for (const fail of life.callers) fail();
    life.callers.clear();
  }

  /** What a purge waits for is counted in one life: the next one begins at once, and its clock is ahead. */
  private mayEndWaiting(life: Life, waitMs: number): void {
    const { chance, faults } = this.world;
    if (this.isHealed || !chance.hits(faults.coordinatorAhead)) return;
    this.later(life, (chance.next() * waitMs) / 2, () => {
      if (this.isHealed) return;
      this.crash();
      this.downUntil = 0;
      this.aheadMs = chance.between(0, AHEAD_MS_MAX);
    });
  }

  private awake(): Life | null {
    if (this.life !== null) return this.life;
    const { chance, faults, scheduler, clusters } = this.world;
    if (this.downUntil > scheduler.now) return null;
    const intents = this.durable.clone();
    const skewMs = chance.hits(faults.clockJump) ? 3_600_000 : faults.clockSkewMs;
    const life: Life = {
      intents,
      book: new PurgeBook(intents),
      links: clusters.map((cluster) => new GroupLink(this.place, cluster)),
      rounds: new Map(),
      callers: new Set(),
      offsetMs: Math.round(this.aheadMs ?? chance.between(-1, 1) * skewMs),
      rate: 1 + chance.between(-1, 1) * faults.clockDrift,
      retryMs: RETRY_MS_MIN,
      isGone: false,
    };
    this.life = life;
    this.aheadMs = null;
    return life;
  }

  private clock({ rate, offsetMs }: Life): number {
    return Math.floor((this.world.scheduler.now - START_AT) * rate + START_AT + offsetMs);
  }

  /** After so much time by its clock, if it still lives. */
  private later(life: Life, ms: number, run: () => void): void {
    this.world.scheduler.after(ms / life.rate, () => {
      if (!life.isGone) run();
    });
  }
}

const AHEAD_MS_MAX = 6_000;

/** It takes few turns: each crashes as often as so many steps of a member. */
const CRASHES = 8;

function newestOf(bookmarks: readonly Viewstamp[]): Viewstamp {
  return bookmarks.reduce((newest, one) => (isNewer(one, newest) ? one : newest), { view: 0, op: 0 });
}
