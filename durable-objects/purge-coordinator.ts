// Purges, all through one object: it writes down what is wanted, has every shard concerned commit it, and says "done"
// only when all of them have. What a deadline or a restart leaves open, its alarm goes on with; the same purge asked
// for again is joined or reported, never done twice.
import { DurableObject } from 'cloudflare:workers';
import { BOUND_MS } from '../core/replication/limits.ts';
import { strictAfterMs } from '../core/replication/strict-purge.ts';
import type { Viewstamp } from '../core/replication/viewstamp.ts';
import type {
  PurgeAnswer,
  PurgeCoordinatorRpc,
  PurgeRequest,
  PurgeSelection,
} from './interfaces/purge-coordinator.ts';
import type { NewEvent } from './interfaces/telemetry.ts';
import { directoryOf, recordEvents } from './other-objects.ts';
import { type Intent, IntentStore, type Target } from './purge-coordinator/intent-store.ts';
import { type NamedCommand, planPurge, type ShardPurge } from './purge-coordinator/plan-purge.ts';
import { inOrder, selectionText } from './purge-coordinator/purge-selection.ts';
import { ShardCaller } from './shard-caller.ts';
import { sleep, within } from './within.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface PurgeCoordinatorEnv {
  readonly DIRECTORY: DurableObjectNamespace;
  readonly SHARD_REPLICA: DurableObjectNamespace;
  readonly TELEMETRY: DurableObjectNamespace;
}

/** How long a caller waits, and how long one round of trying lasts. */
const ROUND_MS = 5_000;
/** The alarm's own rounds are this far apart: twice as far after each that left something open. */
const RETRY_MS_MIN = 1_000;
const RETRY_MS_MAX = 60_000;
const DIRECTORY_TIMEOUT_MS = 3_000;
const COMMANDS_PER_CALL = 100;
/** Purges that one alarm goes on with at once. */
const ROUNDS_AT_ONCE = 16;
/** A purge is remembered for a day; one that cannot be completed by then is given up. */
const REMEMBERED_MS = 86_400_000;
const FORGET_AT_ONCE = 500;
/** More open purges than this are not taken on: each of them may hold thousands of keys. */
const OPEN_MAX = 1_000;
/** Strict ones whose waiting is remembered; beyond, it begins anew for all. */
const KNOWN_DONE_MAX = 10_000;

export class PurgeCoordinator extends DurableObject<PurgeCoordinatorEnv> implements PurgeCoordinatorRpc {
  readonly #intents: IntentStore;
  readonly #shards: ShardCaller;
  /** Rounds under way, by purge id. */
  readonly #rounds = new Map<string, Promise<void>>();
  /** When this life of the object learnt that a purge is done, epoch ms: the clock of another one is not compared. */
  readonly #knownDoneAt = new Map<string, number>();
  #retryMs = RETRY_MS_MIN;

  constructor(ctx: DurableObjectState, env: PurgeCoordinatorEnv) {
    super(ctx, env);
    this.#intents = new IntentStore(ctx.storage.sql);
    this.#shards = new ShardCaller(env.SHARD_REPLICA, () => Date.now());
  }

  async purge({ purgeId, by, guarantee, ...selected }: PurgeRequest): Promise<PurgeAnswer> {
    const selection = inOrder(selected);
    const digest = await digestOf(selectionText(selection));
    // From here to the round no await: of two equal calls one finds the other's intent.
    const known = this.#intents.find(purgeId);
    if (known !== null && known.digest !== digest) return mismatch(purgeId);
    if (known === null) {
      const open = this.#intents.pendingCount();
      if (open >= OPEN_MAX) throw new Error(`${open} purges are waiting for shards already`);
      const intent = { purgeId, digest, by, createdAt: Date.now(), doneAt: null, targets: [] };
      this.ctx.storage.transactionSync(() => this.#intents.add(intent, selection));
      this.ctx.waitUntil(this.#armAlarm());
    }
    if (known === null || known.doneAt === null) await within(ROUND_MS, this.#round(purgeId));
    const report = this.#report(purgeId);
    if (guarantee !== 'strict' || report.type !== 'done') return report;
    return { ...report, tookMs: report.tookMs + (await this.#untilStrict(purgeId)) };
  }

  /** Waits until the purge is strict, counted in this life of the object; answers how long that was after it was done. */
  async #untilStrict(purgeId: string): Promise<number> {
    const nowMs = Date.now();
    const knownAt = this.#knownDoneAt.get(purgeId) ?? nowMs;
    if (this.#knownDoneAt.size >= KNOWN_DONE_MAX) this.#knownDoneAt.clear();
    this.#knownDoneAt.set(purgeId, knownAt);
    const strictMs = strictAfterMs(BOUND_MS);
    const leftMs = strictMs - (nowMs - knownAt);
    if (leftMs > 0) await sleep(leftMs);
    return strictMs;
  }

  /** Goes on with what is open, forgets what is old, and sees to it that there is a next alarm while there must be. */
  override async alarm(): Promise<void> {
    try {
      const open = this.#intents.pending(ROUNDS_AT_ONCE);
      for (const { purgeId } of open) this.#intents.setTried(purgeId, Date.now());
      await Promise.all(open.map(({ purgeId }) => this.#round(purgeId)));
      this.#forget(Date.now());
    } catch (error) {
      console.error(`Cannot go on with the purges: ${String(error)}`);
    }
    const isOpen = this.#intents.pendingCount() > 0;
    this.#retryMs = isOpen ? Math.min(2 * this.#retryMs, RETRY_MS_MAX) : RETRY_MS_MIN;
    const oldestAt = this.#intents.oldestAt();
    if (isOpen) await this.ctx.storage.setAlarm(Date.now() + this.#retryMs);
    else if (oldestAt !== null) await this.ctx.storage.setAlarm(oldestAt + REMEMBERED_MS + RETRY_MS_MIN);
  }

  /** Behind the first round; one that is set already comes sooner. */
  async #armAlarm(): Promise<void> {
    const { storage } = this.ctx;
    const atMs = Date.now() + ROUND_MS + RETRY_MS_MIN;
    const setFor = await storage.getAlarm();
    if (setFor === null || setFor > atMs) await storage.setAlarm(atMs);
  }

  /** One round for a purge at a time; whoever comes meanwhile joins it. Never throws. */
  #round(purgeId: string): Promise<void> {
    let round = this.#rounds.get(purgeId);
    if (round === undefined) {
      round = this.#runRound(purgeId)
        .catch((error: unknown) => console.warn(`Cannot complete purge "${purgeId}": ${String(error)}`))
        .finally(() => this.#rounds.delete(purgeId));
      this.#rounds.set(purgeId, round);
    }
    return round;
  }

  async #runRound(purgeId: string): Promise<void> {
    const deadlineAt = Date.now() + ROUND_MS;
    const intent = this.#intents.find(purgeId);
    if (intent === null || intent.doneAt !== null) return;
    const map = await within(DIRECTORY_TIMEOUT_MS, directoryOf(this.env.DIRECTORY).shardMap());
    if (map === null) throw new Error(`the directory did not answer within ${DIRECTORY_TIMEOUT_MS} ms`);

    const selection = this.#intents.selection(purgeId);
    const plan = planPurge(map, purgeId, selection);
    const targets = targetsOf(plan, intent.targets);
    const isMissing = new Set(missingIn(targets));
    const open = plan.filter(({ group }) => isMissing.has(group.shard));
    await Promise.all(
      open.map(async (purge) => {
        const bookmark = await this.#purgeShard(purgeId, purge, map.epoch, deadlineAt);
        const target = targets.find(({ shard }) => shard === purge.group.shard);
        if (bookmark === null || target === undefined) return;
        target.bookmark = bookmark;
        this.#intents.setTargets(purgeId, targets);
      }),
    );
    this.#intents.setTargets(purgeId, targets);
    if (missingIn(targets).length === 0) this.#finish(intent, selection, plan.length);
  }

  /** Where the shard has committed it; null: it has not yet. */
  async #purgeShard(
    purgeId: string,
    { group, commands }: ShardPurge,
    mapEpoch: number,
    deadlineAt: number,
  ): Promise<Viewstamp | null> {
    let bookmark: Viewstamp | null = null;
    for (const batch of batchesOf(commands)) {
      const submitted = await this.#shards.submit(group, mapEpoch, batch, deadlineAt);
      if (submitted.type === 'failed') {
        console.warn(`Purge "${purgeId}" is missing shard ${group.shard}: ${submitted.detail}`);
        return null;
      }
      const odd = submitted.results.find((result) => result.type !== 'purged');
      if (odd !== undefined) throw new Error(`shard ${group.shard} answered a purge with "${odd.type}"`);
      ({ bookmark } = submitted);
    }
    return bookmark;
  }

  #finish({ purgeId, by, createdAt }: Intent, selection: PurgeSelection, shards: number): void {
    const doneAt = Date.now();
    this.ctx.storage.transactionSync(() => this.#intents.setDone(purgeId, doneAt));
    if (this.#knownDoneAt.size < KNOWN_DONE_MAX) this.#knownDoneAt.set(purgeId, doneAt);
    const { keys, tags, prefixes, all, namespaces, soft } = selection;
    this.#record({
      at: doneAt,
      type: 'purged',
      subject: purgeId,
      detail: {
        by,
        all,
        urls: keys.length,
        tags: tags.length,
        prefixes: prefixes.length,
        namespaces: namespaces.length,
        soft,
        shards,
        tookMs: doneAt - createdAt,
      },
    });
  }

  #report(purgeId: string): PurgeAnswer {
    const intent = this.#intents.find(purgeId);
    if (intent === null) throw new Error(`Cannot report on purge "${purgeId}": it was given up meanwhile`);
    const { targets } = intent;
    const missing = missingIn(targets);
    return {
      type: intent.doneAt === null ? 'pending' : 'done',
      purgeId,
      shards: { acked: targets.length - missing.length, total: targets.length },
      missing,
      tookMs: (intent.doneAt ?? Date.now()) - intent.createdAt,
      bookmarks: Object.fromEntries(
        targets.flatMap(({ groupId, bookmark }) => (bookmark === null ? [] : [[groupId, bookmark]])),
      ),
    };
  }

  #forget(nowMs: number): void {
    const givenUp = this.ctx.storage.transactionSync(() =>
      this.#intents.forget(nowMs - REMEMBERED_MS, FORGET_AT_ONCE),
    );
    for (const [purgeId, knownAt] of this.#knownDoneAt) {
      if (knownAt < nowMs - REMEMBERED_MS) this.#knownDoneAt.delete(purgeId);
    }
    for (const { purgeId, by, createdAt } of givenUp) {
      this.#record({ at: nowMs, type: 'purge-given-up', subject: purgeId, detail: { by, createdAt } });
    }
  }

  #record(event: NewEvent): void {
    this.ctx.waitUntil(recordEvents(this.env.TELEMETRY, [event]));
  }
}

function* batchesOf(commands: readonly NamedCommand[]): Generator<readonly NamedCommand[]> {
  for (let first = 0; first < commands.length; first += COMMANDS_PER_CALL) {
    yield commands.slice(first, first + COMMANDS_PER_CALL);
  }
}

/** By the map as it is now; what other groups have committed counts no more. */
function targetsOf(plan: readonly ShardPurge[], known: readonly Target[]): Mutable<Target>[] {
  return plan.map(({ group: { shard, groupId } }) => {
    const before = known.find((target) => target.shard === shard && target.groupId === groupId);
    return { shard, groupId, bookmark: before?.bookmark ?? null };
  });
}

function missingIn(targets: readonly Target[]): number[] {
  return targets.flatMap(({ shard, bookmark }) => (bookmark === null ? [shard] : []));
}

function mismatch(purgeId: string): PurgeAnswer {
  return {
    type: 'mismatch',
    purgeId,
    shards: { acked: 0, total: 0 },
    missing: [],
    tookMs: 0,
    bookmarks: {},
  };
}

async function digestOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
