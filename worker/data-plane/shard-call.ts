// One call to a shard's group on behalf of one request: the primary first, corrections followed, tries repeated with
// the same content until the deadline. Every try makes its own stub, since a stub is dead after an exception and
// belongs to the request that made it.
import {
  afterFailure,
  beginCall,
  betterHint,
  type FailedTry,
  type GroupCall,
  type PrimaryHint,
} from '../../core/sharding/group-call.ts';
import type { ShardGroup } from '../../durable-objects/interfaces/directory.ts';
import type {
  EdgeHeader,
  MemberAddress,
  MemberRefusal,
  MemberWork,
  ShardReplicaRpc,
} from '../../durable-objects/interfaces/shard-replica.ts';
import { createNearestMember } from './nearest-member.ts';
import { sleep } from './within.ts';

/** What calls need of the replicas' Durable Object namespace. */
export interface ReplicaNamespace {
  idFromName(name: string): object;
  /** A stub; of the options `locationHint` is used. */
  get(id: object, options: object): unknown;
}

export interface ShardCallParts {
  readonly namespace: ReplicaNamespace;
  now(): number;
  header(): EdgeHeader;
  /** An answer carried this header. */
  heard(header: EdgeHeader): void;
  /** A request needs a shard: one operation, whatever it takes. */
  operation?(): void;
  /** An object was called, or an answer tells what else was done. */
  worked?(work: MemberWork): void;
}

/** One try at one member. */
export type Attempt<A> = (member: ShardReplicaRpc, to: MemberAddress, header: EdgeHeader) => Promise<A>;

export type CallOutcome<A> =
  | { readonly type: 'answered'; readonly answer: Exclude<A, MemberRefusal> }
  | { readonly type: 'failed'; readonly maybeDone: boolean; readonly detail: string };

interface AnyAnswer {
  readonly type: string;
  readonly header?: EdgeHeader;
  readonly work?: MemberWork;
  readonly view?: number;
}

export interface CallOptions<A> {
  /** How long one member is waited for. */
  readonly tryMs?: number;
  /** A backup may answer as well: the nearest member is asked first. */
  readonly anyMember?: boolean;
  /** Belongs to an operation that is counted already. */
  readonly isAside?: boolean;
  /** Gets an answer that came after the deadline. */
  readonly discard?: (late: A) => void;
}

export interface ShardCaller {
  call<A extends AnyAnswer>(
    group: ShardGroup,
    deadlineMs: number,
    attempt: Attempt<A>,
    options?: CallOptions<A>,
  ): Promise<CallOutcome<A>>;
  /** One try at a given member; throws as the call does, or when it takes longer. */
  callMember<A>(group: ShardGroup, member: number, deadlineMs: number, attempt: Attempt<A>): Promise<A>;
}

/** A primary that takes longer for one try is suspected. */
const TRY_MS = 1_500;

const FIRST_PRIMARY: PrimaryHint = { view: 0, primary: 0 };
/** Names and groups remembered; more than a map has, so that only those of old maps are ever dropped. */
const REMEMBERED_MAX = 4_096;
const LATE = Symbol('late');
const ONE_CALL: MemberWork = { objectCalls: 1, rowsWritten: 0 };

export function createShardCaller(parts: ShardCallParts): ShardCaller {
  const { namespace, now, header, heard } = parts;
  const hints = new Map<string, PrimaryHint>();
  const ids = new Map<string, object>();
  const nearest = createNearestMember();

  /** Found by hashing the name, which is worth remembering. */
  const idOf = (name: string): object => {
    let id = ids.get(name);
    if (id === undefined) {
      if (ids.size >= REMEMBERED_MAX) ids.clear();
      id = namespace.idFromName(name);
      ids.set(name, id);
    }
    return id;
  };

  const remember = (groupId: string, told: PrimaryHint): void => {
    if (hints.size >= REMEMBERED_MAX) hints.clear();
    hints.set(groupId, betterHint(hints.get(groupId) ?? FIRST_PRIMARY, told));
  };

  function start<A>(
    group: ShardGroup,
    member: number,
    attempt: Attempt<A>,
    suspects: number | null = null,
  ): Promise<A> {
    const found = group.members[member];
    if (found === undefined) {
      return Promise.reject(new Error(`shard ${group.shard} has no member ${member}`));
    }
    const { name, region } = found;
    const stub = namespace.get(idOf(name), { locationHint: region }) as ShardReplicaRpc;
    const own = header();
    parts.worked?.(ONE_CALL);
    const told = suspects === null ? own : { ...own, suspects };
    return attempt(stub, { shard: group.shard, member, name }, told);
  }

  /** The answer, or how the try failed. */
  async function tryOnce<A extends AnyAnswer>(
    group: ShardGroup,
    { target, suspects }: GroupCall,
    limitMs: number,
    attempt: Attempt<A>,
    discard?: (late: A) => void,
  ): Promise<A | FailedTry> {
    try {
      const running = start(group, target, attempt, suspects);
      const answer = await orLate(running, limitMs);
      if (answer === LATE) {
        running.then(discard, () => {});
        return { type: 'timed-out' };
      }
      if (answer.header !== undefined) heard(answer.header);
      if (answer.work !== undefined) parts.worked?.(answer.work);
      return answer;
    } catch (error) {
      return { type: 'threw', overloaded: isOverload(error), message: messageOf(error) };
    }
  }

  return {
    async call(
      group,
      deadlineMs,
      attempt,
      { discard, tryMs = TRY_MS, anyMember = false, isAside = false } = {},
    ) {
      if (!isAside) parts.operation?.();
      const deadlineAt = now() + deadlineMs;
      const { groupId, members } = group;
      let call = beginCall(hints.get(groupId) ?? FIRST_PRIMARY);
      if (anyMember) call = { ...call, target: nearest.choose(groupId, call.target, members.length) };
      for (;;) {
        const limitMs = Math.max(0, deadlineAt - now());
        const startedAt = now();
        const answer = await tryOnce(group, call, Math.min(limitMs, tryMs), attempt, discard);
        if (!isFailure(answer)) {
          if (anyMember) nearest.answered(groupId, call.target, now() - startedAt);
          // Nobody but the primary answers what is not for any member.
          else remember(groupId, { view: answer.view ?? 0, primary: call.target });
          return { type: 'answered', answer: answer as never };
        }
        const move = afterFailure(call, answer, deadlineAt - now(), members.length);
        if (answer.type === 'not-primary' || answer.type === 'deposed') remember(groupId, answer);
        if (move.type === 'give-up') {
          const { maybeDone, detail } = move;
          return { type: 'failed', maybeDone, detail: `shard ${group.shard}: ${detail}` };
        }
        if (move.afterMs > 0) await sleep(move.afterMs);
        call = move.call;
      }
    },
    async callMember(group, member, deadlineMs, attempt) {
      const answer = await orLate(start(group, member, attempt), deadlineMs);
      if (answer === LATE) throw new Error(`member ${member} did not answer within ${deadlineMs} ms`);
      return answer;
    },
  };
}

const FAILURES: ReadonlySet<string> = new Set<FailedTry['type']>([
  'not-primary',
  'deposed',
  'not-ready',
  'overloaded',
  'unknown-protocol',
  'timed-out',
  'too-large',
  'threw',
]);

function isFailure(answer: AnyAnswer | FailedTry): answer is FailedTry {
  return FAILURES.has(answer.type);
}

async function orLate<T>(running: Promise<T>, limitMs: number): Promise<T | typeof LATE> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<typeof LATE>((resolve) => {
    timer = setTimeout(() => resolve(LATE), limitMs);
  });
  try {
    return await Promise.race([running, limit]);
  } finally {
    if (timer !== undefined) clearTimeout(timer);
  }
}

function isOverload(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'overloaded' in error && error.overloaded === true;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
