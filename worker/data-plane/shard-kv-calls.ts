// Calls about key-value data that concern several keys: batches, one call for each shard, and pages of a namespace,
// gathered from all shards.
import type { PageEntry, PageWish } from '../../core/replication/messages.ts';
import { needOf, type ReadWish } from '../../core/replication/read-need.ts';
import type { Viewstamp } from '../../core/replication/viewstamp.ts';
import { mergePages } from '../../core/sharding/merge-pages.ts';
import type { ShardGroup, ShardMap } from '../../durable-objects/interfaces/directory.ts';
import type {
  BatchAnswer,
  BatchOp,
  BatchOutcome,
  KvPageAnswer,
} from '../../durable-objects/interfaces/shard-replica.ts';
import type { CallOutcome, ShardCaller } from './shard-call.ts';
import type { Chunk } from './shard-chunks.ts';
import type { ShardFailure } from './shard-client.ts';
import { stageable, type UnstagedCommand } from './unstaged-command.ts';

export interface KvCallParts {
  readonly caller: ShardCaller;
  groupOf(map: ShardMap, key: string): ShardGroup;
  /** null when all are in place, else what went wrong. */
  stage(group: ShardGroup, chunks: readonly Chunk[], leftMs: () => number): Promise<string | null>;
  now(): number;
}

export type KvOp =
  | { readonly type: 'read'; readonly key: string }
  | {
      readonly type: 'write';
      readonly reqId: string;
      readonly command: Extract<UnstagedCommand, { type: 'put' | 'delete' | 'increment' }>;
    };

export interface KvBatch {
  /** One for each op, in order. */
  readonly outcomes: readonly (BatchOutcome | ShardFailure)[];
  readonly bookmarks: Readonly<Record<string, Viewstamp>>;
}

export interface KvPage {
  readonly type: 'page';
  readonly entries: readonly PageEntry[];
  readonly upTo: string | null;
  readonly bookmarks: Readonly<Record<string, Viewstamp>>;
}

const READ_DEADLINE_MS = 5_000;
const WRITE_DEADLINE_MS = 5_000;
const CHUNK_DEADLINE_MS = 1_000;
/** A shard that has lost a staged chunk is given it again so many times. */
const STAGINGS_MAX = 3;

export async function kvBatch(
  parts: KvCallParts,
  map: ShardMap,
  ops: readonly KvOp[],
  wish: ReadWish,
): Promise<KvBatch> {
  const places = new Map<ShardGroup, number[]>();
  ops.forEach((op, place) => {
    const group = parts.groupOf(map, op.type === 'read' ? op.key : op.command.key);
    places.set(group, [...(places.get(group) ?? []), place]);
  });
  const outcomes: (BatchOutcome | ShardFailure)[] = [];
  const bookmarks: Record<string, Viewstamp> = {};
  await Promise.all(
    [...places].map(async ([group, own]) => {
      const asked = own.flatMap((place) => ops[place] ?? []);
      const answered = await batchOfShard(parts, group, asked, wish);
      if (answered.type === 'answered') bookmarks[answered.answer.groupId] = answered.answer.bookmark;
      own.forEach((place, i) => {
        outcomes[place] = outcomeOf(answered, asked[i], i);
      });
    }),
  );
  return { outcomes, bookmarks };
}

type ShardBatch = CallOutcome<BatchAnswer>;

async function batchOfShard(
  { caller, stage, now }: KvCallParts,
  group: ShardGroup,
  ops: readonly KvOp[],
  wish: ReadWish,
): Promise<ShardBatch> {
  const staged = await Promise.all(ops.map(stagedOp));
  const chunks = staged.flatMap((op) => op.chunks);
  const hasWrites = ops.some(({ type }) => type === 'write');
  const deadlineAt =
    now() + (hasWrites ? WRITE_DEADLINE_MS + chunks.length * CHUNK_DEADLINE_MS : READ_DEADLINE_MS);
  const need = needOf(wish, group.groupId);
  for (let staging = 1; ; staging++) {
    const missing = await stage(group, chunks, () => deadlineAt - now());
    if (missing !== null) return { type: 'failed', maybeDone: false, detail: missing };
    const outcome = await caller.call(
      group,
      deadlineAt - now(),
      async (member, to, header): Promise<BatchAnswer | { readonly type: 'chunks-missing' }> => {
        const answer = await member.kvBatch({ to, header, need, ops: staged.map(({ op }) => op) });
        const lacks = answer.type === 'not-ready' && answer.reason === 'chunks-missing';
        return lacks ? { type: 'chunks-missing' } : answer;
      },
      // What writes has to go to the primary, and its reads go with it.
      { anyMember: !hasWrites && need.level !== 'linearizable', isTypical: false },
    );
    if (outcome.type === 'failed') return outcome;
    const { answer } = outcome;
    if (answer.type !== 'chunks-missing') return { type: 'answered', answer };
    // A wave before the one that lacked them may have been carried out.
    if (staging === STAGINGS_MAX) {
      return { type: 'failed', maybeDone: true, detail: `shard ${group.shard} does not keep the chunks` };
    }
  }
}

async function stagedOp(op: KvOp): Promise<{ readonly op: BatchOp; readonly chunks: readonly Chunk[] }> {
  if (op.type === 'read') return { op, chunks: [] };
  const { logged, chunks } = await stageable(op.command);
  return { op: { ...op, command: logged as Extract<BatchOp, { type: 'write' }>['command'] }, chunks };
}

function outcomeOf(answered: ShardBatch, op: KvOp | undefined, place: number): BatchOutcome | ShardFailure {
  if (answered.type === 'failed') {
    const maybeDone = answered.maybeDone && op?.type === 'write';
    return { type: maybeDone ? 'outcome-unknown' : 'unavailable', detail: answered.detail };
  }
  const outcome = answered.answer.outcomes[place];
  if (outcome === undefined) throw new Error('A shard answered a batch with too few outcomes');
  return outcome;
}

export async function kvPage(
  { caller }: KvCallParts,
  map: ShardMap,
  page: PageWish,
  wish: ReadWish,
): Promise<KvPage | ShardFailure> {
  const pages = await Promise.all(
    map.groups.map((group) => {
      const need = needOf(wish, group.groupId);
      return caller.call(
        group,
        READ_DEADLINE_MS,
        (member, to, header): Promise<KvPageAnswer> => member.kvPage({ to, header, need, ...page }),
        { anyMember: need.level !== 'linearizable', isTypical: false },
      );
    }),
  );
  const answers = pages.flatMap((outcome) => (outcome.type === 'answered' ? [outcome.answer] : []));
  const failed = pages.find((outcome) => outcome.type === 'failed');
  if (failed !== undefined) return { type: 'unavailable', detail: failed.detail };
  const bookmarks = Object.fromEntries(answers.map(({ groupId, bookmark }) => [groupId, bookmark]));
  return { type: 'page', ...mergePages(answers, page.limit), bookmarks };
}
