// The edge's way to the shards: finds the group of a key, calls its primary, follows corrections, tries again with
// the same request id, and tells "absent" from "could not be read".
import type { ReusePolicy } from '../../core/cache/policy.ts';
import type { Fields } from '../../core/http/fields.ts';
import type { SelectingFields } from '../../core/http/vary.ts';
import type { CommandResult, FillToken } from '../../core/replication/commands.ts';
import { type PageWish, PROTOCOL_VERSION } from '../../core/replication/messages.ts';
import { createPurgesSeen } from '../../core/replication/purges-seen.ts';
import { atLeast, needOf, promiseOf, type ReadWish } from '../../core/replication/read-need.ts';
import type { Viewstamp } from '../../core/replication/viewstamp.ts';
import { slotOfKey } from '../../core/sharding/slot-map.ts';
import type { ShardGroup, ShardMap } from '../../durable-objects/interfaces/directory.ts';
import type {
  EdgeHeader,
  KvFound,
  KvReadAnswer,
  LookedUp,
  LookupAnswer,
  MemberStatus,
} from '../../durable-objects/interfaces/shard-replica.ts';
import type { GatherParts } from './gather.ts';
import type { CommonOp, CommonOutcome } from './gathered-call.ts';
import {
  type Answered,
  type AskOptions,
  type Attempt,
  type CallOutcome,
  createShardCaller,
  type ReplicaNamespace,
  type ShardCaller,
  type ShardCallParts,
} from './shard-call.ts';
import type { Chunk } from './shard-chunks.ts';
import { type KvBatch, type KvCallParts, type KvOp, type KvPage, kvBatch, kvPage } from './shard-kv-calls.ts';
import { stageable, type UnstagedCommand } from './unstaged-command.ts';

export type ShardFailure =
  /** Nothing was done, or nothing was asked. */
  | { readonly type: 'unavailable'; readonly detail: string }
  /** A write may or may not have happened. */
  | { readonly type: 'outcome-unknown'; readonly detail: string };

export type Lookup = LookedUp & { readonly groupId: string };
export type KvRead = KvFound & { readonly groupId: string };

export interface WriteOutcome {
  readonly type: 'result';
  readonly result: CommandResult;
  readonly groupId: string;
  readonly bookmark: Viewstamp;
}

export interface ShardStatus {
  readonly shard: number;
  readonly groupId: string;
  readonly members: readonly {
    readonly name: string;
    readonly region: string;
    /** null: it did not answer. */
    readonly status: MemberStatus | null;
  }[];
}

export interface ShardClient {
  /** A purge that this isolate had made is committed there: what it looks up next is no older. */
  sawPurge(groupId: string, viewstamp: Viewstamp): void;
  /** The newest of those; null: none that is known. */
  lastPurgeIn(groupId: string): Viewstamp | null;
  slotOf(key: string): number;
  shardOf(map: ShardMap, key: string): number;
  groupOf(map: ShardMap, key: string): ShardGroup;
  lookup(
    map: ShardMap,
    query: {
      readonly key: string;
      readonly method: string;
      readonly fields: Fields;
      readonly keyParts: SelectingFields;
      readonly policy: ReusePolicy;
      readonly wish: ReadWish;
      readonly wantLease: boolean;
      readonly tag?: string;
    },
  ): Promise<Lookup | ShardFailure>;
  /** Bodies over 256 KiB are staged in chunks first; `isStored`: unless the shard says that it lacks some. */
  write(
    map: ShardMap,
    key: string,
    reqId: string,
    command: UnstagedCommand,
    isStored?: boolean,
  ): Promise<WriteOutcome | ShardFailure>;
  kvRead(map: ShardMap, key: string, wish: ReadWish, withBody: boolean): Promise<KvRead | ShardFailure>;
  /** One call for each shard concerned; each op succeeds or fails for itself. */
  kvBatch(map: ShardMap, ops: readonly KvOp[], wish: ReadWish): Promise<KvBatch>;
  /** Of every shard, in the order of names; complete up to a name, null = to the end. */
  kvPage(map: ShardMap, page: PageWish, wish: ReadWish): Promise<KvPage | ShardFailure>;
  /** The fetch of that token goes on: others wait for it. Rejects never. */
  renew(map: ShardMap, key: string, token: FillToken): Promise<void>;
  release(map: ShardMap, key: string, token: FillToken): Promise<void>;
  status(map: ShardMap): Promise<ShardStatus[]>;
  /** Empties the storage of one member. Rejects where it does not answer. */
  forget(group: ShardGroup, member: number): Promise<void>;
}

export interface ShardClientParts extends GatherParts {
  readonly namespace: ReplicaNamespace;
  newRequestId(): string;
  /** An answer mentioned this configuration version and health epoch. */
  heardOf(version: number, healthEpoch: number): void;
  /** What this isolate knows, for the objects to pass on. */
  header(): Omit<EdgeHeader, 'protocol'>;
  /** Of what its calls cost: an operation began, an object was called or told what it did. */
  readonly costs?: Pick<ShardCallParts, 'operation' | 'worked'>;
}

/** A lookup that takes longer is not worth it: the origin is asked. Time for more than one member. */
const LOOKUP_DEADLINE_MS = 1_000;
const LOOKUP_TRY_MS = 400;
/** Key-value data has nowhere else to come from: long enough for a new primary. */
const KV_READ_DEADLINE_MS = 5_000;
const WRITE_DEADLINE_MS = 5_000;
/** More of it for large bodies. */
const CHUNK_DEADLINE_MS = 1_000;
const STATUS_DEADLINE_MS = 2_000;
const RELEASE_DEADLINE_MS = 1_000;
const FORGET_DEADLINE_MS = 10_000;
/** A shard that has lost a staged chunk is given it again so many times. */
const STAGINGS_MAX = 3;
const CHUNKS_AT_ONCE = 4;

export function createShardClient({
  namespace,
  now,
  newRequestId,
  heardOf,
  header,
  waitUntil,
  nextTurn,
  costs = {},
}: ShardClientParts): ShardClient {
  const caller = createShardCaller({
    ...costs,
    namespace,
    now,
    waitUntil,
    nextTurn,
    header: () => ({ protocol: PROTOCOL_VERSION, ...header() }),
    heard({ configVersion, healthEpoch }) {
      heardOf(configVersion, healthEpoch);
    },
  });
  const purges = createPurgesSeen();
  const shardOf = (map: ShardMap, key: string): number => {
    const shard = map.slots[slotOfKey(key)];
    if (shard === undefined)
      throw new Error(`Cannot find the shard of a key: the map has ${map.slots.length} slots`);
    return shard;
  };
  const groupOf = (map: ShardMap, key: string): ShardGroup => {
    const shard = shardOf(map, key);
    const group = map.groups[shard];
    if (group?.shard !== shard)
      throw new Error(`Cannot find the members of shard ${shard}: it is not in the map`);
    return group;
  };

  const parts: KvCallParts = {
    caller,
    groupOf,
    stage: (group, chunks, leftMs) => stage(caller, group, chunks, leftMs),
    now,
  };

  return {
    sawPurge: purges.saw,
    lastPurgeIn: purges.lastIn,
    slotOf: slotOfKey,
    shardOf,
    groupOf,

    async lookup(map, { wish, ...asked }) {
      const group = groupOf(map, asked.key);
      const need = atLeast(needOf(wish, group.groupId), purges.lastIn(group.groupId));
      const anyMember = need.level !== 'linearizable';
      const query = { ...asked, ...promiseOf(need) };
      const outcome = await askOrAlone(
        caller,
        group,
        LOOKUP_DEADLINE_MS,
        { type: 'lookup', query },
        (member, to, header): Promise<LookupAnswer> => member.lookup({ to, header, ...query }),
        { discard: discardBody, tryMs: LOOKUP_TRY_MS, anyMember },
      );
      if (outcome.type === 'failed') return unavailable(outcome.detail);
      const { answer } = outcome;
      if (answer.type === 'decision') return answer;
      throw new Error(`Cannot take "${answer.type}" for what a lookup came to`);
    },

    async write(map, key, reqId, command, isStored = false) {
      const group = groupOf(map, key);
      const { logged, chunks } = await stageable(command);
      const deadlineAt = now() + WRITE_DEADLINE_MS + chunks.length * CHUNK_DEADLINE_MS;
      for (let staging = isStored ? 0 : 1; ; staging++) {
        const missing = staging === 0 ? null : await stage(caller, group, chunks, () => deadlineAt - now());
        if (missing !== null) return unavailable(missing);
        const op = {
          type: 'command',
          reqId: reqId === '' ? newRequestId() : reqId,
          command: logged,
        } as const;
        const outcome = await caller.ask(group, deadlineAt - now(), op, { read: orChunksMissing });
        if (outcome.type === 'failed') {
          const { maybeDone, detail } = outcome;
          return { type: maybeDone ? 'outcome-unknown' : 'unavailable', detail };
        }
        const { answer } = outcome;
        if (answer.type === 'chunks-missing') {
          if (staging < STAGINGS_MAX) continue;
          return unavailable(`shard ${group.shard} does not keep the body's chunks`);
        }
        if (answer.type !== 'result')
          throw new Error(`Cannot take "${answer.type}" for what a write came to`);
        if (command.type === 'purge' || (command.type === 'fill' && command.purges)) {
          purges.saw(answer.groupId, answer.bookmark);
        }
        return answer;
      }
    },

    async kvRead(map, key, wish, withBody) {
      const group = groupOf(map, key);
      const need = needOf(wish, group.groupId);
      const anyMember = need.level !== 'linearizable';
      const outcome = await askOrAlone(
        caller,
        group,
        KV_READ_DEADLINE_MS,
        { type: 'read', key, need, withBody },
        (member, to, header): Promise<KvReadAnswer> => member.kvRead({ to, header, key, need, withBody }),
        { anyMember },
      );
      if (outcome.type === 'failed') return unavailable(outcome.detail);
      const { answer } = outcome;
      if (answer.type === 'found' || answer.type === 'absent') return answer;
      throw new Error(`Cannot take "${answer.type}" for what a read came to`);
    },

    kvBatch: (map, ops, wish) => kvBatch(parts, map, ops, wish),
    kvPage: (map, page, wish) => kvPage(parts, map, page, wish),
    async renew(map, key, token) {
      await caller.call(groupOf(map, key), RELEASE_DEADLINE_MS, async (member, to) => {
        await member.renew(to, key, token);
        return { type: 'renewed' };
      });
    },

    async release(map, key, token) {
      // A lease that is not given back runs out by itself.
      await caller.call(
        groupOf(map, key),
        RELEASE_DEADLINE_MS,
        async (member, to) => {
          await member.release(to, key, token);
          return { type: 'released' };
        },
        { isAside: true },
      );
    },

    status(map) {
      return Promise.all(map.groups.map((group) => statusOf(caller, group)));
    },

    forget: (group, index) =>
      caller.callMember(group, index, FORGET_DEADLINE_MS, (member, to) => member.forget(to)),
  };
}

/** What does not fit into a common answer is asked for by itself. */
async function askOrAlone<A extends Answered<CommonOutcome>>(
  caller: ShardCaller,
  group: ShardGroup,
  deadlineMs: number,
  op: CommonOp,
  alone: Attempt<A>,
  options: Pick<AskOptions<Answered<CommonOutcome>>, 'anyMember' | 'tryMs' | 'discard'>,
): Promise<CallOutcome<Answered<CommonOutcome> | A>> {
  const outcome = await caller.ask(group, deadlineMs, op, options);
  if (outcome.type !== 'answered' || outcome.answer.type !== 'too-much') return outcome;
  return caller.call(group, deadlineMs, alone, { ...options, isAside: true });
}

interface ChunksMissing {
  readonly type: 'chunks-missing';
}

function orChunksMissing(outcome: Answered<CommonOutcome>): Answered<CommonOutcome> | ChunksMissing {
  const lacks = outcome.type === 'not-ready' && outcome.reason === 'chunks-missing';
  return lacks ? { type: 'chunks-missing' } : outcome;
}

/** null when all are in place, else what went wrong. */
async function stage(
  caller: ShardCaller,
  group: ShardGroup,
  chunks: readonly Chunk[],
  leftMs: () => number,
): Promise<string | null> {
  for (let first = 0; first < chunks.length; first += CHUNKS_AT_ONCE) {
    const calls = chunks.slice(first, first + CHUNKS_AT_ONCE).map(({ hash, bytes }) =>
      caller.call(group, leftMs(), (member, to, header) => member.stage(to, header, hash, bytes.slice()), {
        isAside: true,
      }),
    );
    for (const outcome of await Promise.all(calls)) {
      if (outcome.type === 'failed') return outcome.detail;
    }
  }
  return null;
}

async function statusOf(caller: ShardCaller, group: ShardGroup): Promise<ShardStatus> {
  const { shard, groupId } = group;
  const members = await Promise.all(
    group.members.map(async ({ name, region }, index) => {
      const asked = caller.callMember(group, index, STATUS_DEADLINE_MS, (member, to) => member.status(to));
      return { name, region, status: await asked.catch(() => null) };
    }),
  );
  return { shard, groupId, members };
}

function unavailable(detail: string): ShardFailure {
  return { type: 'unavailable', detail };
}

/** Nobody will read it: its stream must not stay open. */
function discardBody(answer: CommonOutcome): void {
  if (answer.type === 'decision' && answer.body instanceof ReadableStream)
    answer.body.cancel().catch(() => {});
}
