// Purges, all through one object: it writes down what is wanted, has every shard concerned commit it, and says "done"
// only when all of them have. What a deadline or a restart leaves open, its alarm goes on with; the same purge asked
// for again is joined or reported, never done twice.
import { DurableObject } from 'cloudflare:workers';
import type { Intent } from '../core/purging/intent.ts';
import type { NamedCommand, ShardPurge } from '../core/purging/plan-purge.ts';
import {
  mismatch,
  mustBePurged,
  OPEN_MAX,
  PurgeBook,
  type PurgeRound,
  type ShardCommitted,
} from '../core/purging/purge-book.ts';
import { inOrder, selectionText } from '../core/purging/purge-selection.ts';
import { BOUND_MS } from '../core/replication/limits.ts';
import type { Viewstamp } from '../core/replication/viewstamp.ts';
import type { ShardGroup } from './interfaces/directory.ts';
import type { PurgeAnswer, PurgeCoordinatorRpc, PurgeRequest } from './interfaces/purge-coordinator.ts';
import type { NewEvent } from './interfaces/telemetry.ts';
import { directoryOf, recordEvents } from './other-objects.ts';
import { SqlIntentStore } from './purge-coordinator/intent-store.ts';
import { ShardCaller } from './shard-caller.ts';
import { sleep, within } from './within.ts';

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

export class PurgeCoordinator extends DurableObject<PurgeCoordinatorEnv> implements PurgeCoordinatorRpc {
  readonly #book: PurgeBook;
  readonly #shards: ShardCaller;
  /** Rounds under way, by purge id. */
  readonly #rounds = new Map<string, Promise<void>>();
  #retryMs = RETRY_MS_MIN;

  constructor(ctx: DurableObjectState, env: PurgeCoordinatorEnv) {
    super(ctx, env);
    this.#book = new PurgeBook(new SqlIntentStore(ctx.storage));
    this.#shards = new ShardCaller(env.SHARD_REPLICA, () => Date.now());
  }

  async purge({ purgeId, by, guarantee, ...selected }: PurgeRequest): Promise<PurgeAnswer> {
    const selection = inOrder(selected);
    const digest = await digestOf(selectionText(selection));
    // An alarm with nothing to do harms nobody; an intent without one would wait for whoever asks next.
    if (!this.#book.knows(purgeId)) await this.#armAlarm();
    // From here to the round no await: of two equal calls one finds the other's intent.
    const taken = this.#book.take({ purgeId, by, digest }, selection, Date.now());
    if (taken === 'mismatch') return mismatch(purgeId);
    if (taken === 'full') throw new Error(`${OPEN_MAX} purges are waiting for shards already`);
    if (taken !== 'done') await within(ROUND_MS, this.#round(purgeId));
    const report = this.#book.report(purgeId, Date.now());
    if (report === null) throw new Error(`Cannot report on purge "${purgeId}": it was given up meanwhile`);
    if (guarantee !== 'strict' || report.type !== 'done') return report;
    const { waitMs, answer } = this.#book.strictly(report, Date.now());
    if (waitMs > 0) await sleep(waitMs);
    return answer;
  }

  /** Goes on with what is open, forgets what is old, and sees to it that there is a next alarm while there must be. */
  override async alarm(): Promise<void> {
    try {
      const open = this.#book.nextOpen(ROUNDS_AT_ONCE, Date.now());
      await Promise.all(open.map((purgeId) => this.#round(purgeId)));
      this.#forget(Date.now());
    } catch (error) {
      console.error(`Cannot go on with the purges: ${String(error)}`);
    }
    const { hasOpen, forgetsAt } = this.#book;
    this.#retryMs = hasOpen ? Math.min(2 * this.#retryMs, RETRY_MS_MAX) : RETRY_MS_MIN;
    if (hasOpen) await this.ctx.storage.setAlarm(Date.now() + this.#retryMs);
    else if (forgetsAt !== null) await this.ctx.storage.setAlarm(forgetsAt + RETRY_MS_MIN);
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
    const map = await within(DIRECTORY_TIMEOUT_MS, directoryOf(this.env.DIRECTORY).shardMap());
    if (map === null) throw new Error(`the directory did not answer within ${DIRECTORY_TIMEOUT_MS} ms`);
    const round = this.#book.round(purgeId, map);
    if (round === null) return;
    await Promise.all(
      round.open.map(async (purge) => {
        const committed = await this.#purgeShard(purgeId, purge, map.epoch, deadlineAt);
        if (committed !== null) round.committed(purge.group.shard, committed);
      }),
    );
    if (round.end(Date.now())) this.#recordDone(round, Date.now());
  }

  /** Where the shard has committed it; null: it has not yet. */
  async #purgeShard(
    purgeId: string,
    { group, commands }: ShardPurge<ShardGroup>,
    mapEpoch: number,
    deadlineAt: number,
  ): Promise<ShardCommitted | null> {
    let bookmark: Viewstamp | null = null;
    let limitMs = 0;
    for (const batch of batchesOf(commands)) {
      const submitted = await this.#shards.submit(group, mapEpoch, batch, deadlineAt);
      if (submitted.type === 'failed') {
        console.warn(`Purge "${purgeId}" is missing shard ${group.shard}: ${submitted.detail}`);
        return null;
      }
      mustBePurged(group.shard, submitted.results);
      ({ bookmark } = submitted);
      limitMs = Math.max(limitMs, submitted.limitMs ?? BOUND_MS);
    }
    return bookmark === null ? null : { bookmark, limitMs };
  }

  #recordDone({ intent, selection, shards }: PurgeRound<ShardGroup>, doneAt: number): void {
    const { purgeId, by, createdAt } = intent;
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

  #forget(nowMs: number): void {
    const givenUp: readonly Intent[] = this.#book.forget(nowMs);
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

async function digestOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
