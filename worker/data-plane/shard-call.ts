// One call to a shard's group on behalf of one request: the primary first, corrections followed, tries repeated with
// the same content until the deadline. Every try makes its own stub, since a stub is dead after an exception and
// belongs to the request that made it; operations that are gathered share the stub of the one that leads.
import { primaryOf } from '../../core/replication/quorum.ts';
import {
  afterFailure,
  asksRelay,
  beginCall,
  betterHint,
  type FailedTry,
  type GroupCall,
  type PrimaryHint,
} from '../../core/sharding/group-call.ts';
import { Relays } from '../../core/sharding/relays.ts';
import type { ShardGroup } from '../../durable-objects/interfaces/directory.ts';
import type {
  EdgeHeader,
  MemberAddress,
  MemberRefusal,
  MemberWork,
  ShardReplicaRpc,
} from '../../durable-objects/interfaces/shard-replica.ts';
import { createGatherer, type GatherParts } from './gather.ts';
import { type CommonOp, type CommonOutcome, callGathered } from './gathered-call.ts';
import { createNearestMember } from './nearest-member.ts';
import { sleep } from './within.ts';

/** What calls need of the replicas' Durable Object namespace. */
export interface ReplicaNamespace {
  idFromName(name: string): object;
  /** A stub; of the options `locationHint` is used. */
  get(id: object, options: object): unknown;
}

export interface ShardCallParts extends GatherParts {
  readonly namespace: ReplicaNamespace;
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
  /** False: how long it takes tells nothing about how near a member is. */
  readonly isTypical?: boolean;
  /** Belongs to an operation that is counted already. */
  readonly isAside?: boolean;
  /** Gets an answer that came after the deadline. */
  readonly discard?: (late: A) => void;
}

/** What goes to one member beside what goes to all. */
type ToldInHeader = Required<Pick<EdgeHeader, 'suspects' | 'relay'>>;

interface Reach {
  /** A new stub. */
  connect(): ShardReplicaRpc;
  readonly to: MemberAddress;
  readonly told: EdgeHeader;
}

export type Answered<O> = O & { readonly groupId: string; readonly view: number };

export interface AskOptions<A> extends Pick<CallOptions<A>, 'anyMember' | 'tryMs'> {
  /** An outcome that would be taken for a failure, as an answer. */
  readonly read?: (outcome: Answered<CommonOutcome>) => A;
  /** Gets an answer that came too late. */
  readonly discard?: (late: Answered<CommonOutcome>) => void;
}

export interface ShardCaller {
  call<A extends AnyAnswer>(
    group: ShardGroup,
    deadlineMs: number,
    attempt: Attempt<A>,
    options?: CallOptions<A>,
  ): Promise<CallOutcome<A>>;
  /** The same for an operation that shares its calls with those of concurrent requests. */
  ask<A extends AnyAnswer = Answered<CommonOutcome>>(
    group: ShardGroup,
    deadlineMs: number,
    op: CommonOp,
    options?: AskOptions<A>,
  ): Promise<CallOutcome<A>>;
  /** One try at a given member; throws as the call does, or when it takes longer. */
  callMember<A>(group: ShardGroup, member: number, deadlineMs: number, attempt: Attempt<A>): Promise<A>;
}

/** A primary that takes longer for one try is suspected. */
const TRY_MS = 1_500;

const NOTHING_TOLD: ToldInHeader = { suspects: null, relay: false };
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
  const relays = new Relays();
  const gatherer = createGatherer<Answered<CommonOutcome>>(parts);

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

  /** What a try needs; counted as one call. */
  function reach(group: ShardGroup, member: number, { suspects, relay }: ToldInHeader): Reach {
    const found = group.members[member];
    if (found === undefined) throw new Error(`shard ${group.shard} has no member ${member}`);
    const { name, region } = found;
    const own = header();
    parts.worked?.(ONE_CALL);
    return {
      connect: () => namespace.get(idOf(name), { locationHint: region }) as ShardReplicaRpc,
      to: { shard: group.shard, member, name },
      told: suspects === null && !relay ? own : { ...own, suspects, relay },
    };
  }

  async function start<A>(
    group: ShardGroup,
    member: number,
    attempt: Attempt<A>,
    toTell: ToldInHeader = NOTHING_TOLD,
  ): Promise<A> {
    const { connect, to, told } = reach(group, member, toTell);
    return attempt(connect(), to, told);
  }

  /** The answer, or how the try failed. */
  async function tryOnce<A extends AnyAnswer>(
    group: ShardGroup,
    call: GroupCall,
    limitMs: number,
    attempt: Attempt<A>,
    discard?: (late: A) => void,
  ): Promise<A | FailedTry> {
    try {
      const running = start(group, call.target, attempt, toldBy(call));
      const answer = await orLate(running, limitMs);
      if (answer === LATE) {
        running.then(discard, () => {});
        return { type: 'timed-out' };
      }
      take(answer);
      return answer;
    } catch (error) {
      return { type: 'threw', overloaded: isOverload(error), message: messageOf(error) };
    }
  }

  function take({ header: told, work }: AnyAnswer): void {
    if (told !== undefined) heard(told);
    if (work !== undefined) parts.worked?.(work);
  }

  async function tryTogether(
    group: ShardGroup,
    groupCall: GroupCall,
    limitMs: number,
    op: CommonOp,
    discard?: (late: Answered<CommonOutcome>) => void,
  ): Promise<Answered<CommonOutcome> | FailedTry> {
    const kind = kindOf(op);
    const { target } = groupCall;
    const toTell = toldBy(groupCall);
    const place = `${group.groupId} ${target} ${toTell.suspects ?? ''} ${toTell.relay} ${kind}`;
    let isLate = false;
    const call = async (ops: readonly CommonOp[]): Promise<Answered<CommonOutcome>[]> => {
      const { connect, to, told } = reach(group, target, toTell);
      const { answer, outcomes } = await callGathered(connect, to, told, ops);
      if (answer !== null) take(answer);
      const { groupId = group.groupId, view = 0 } = answer ?? {};
      const answered = outcomes.map((outcome) => ({ ...outcome, groupId, view }));
      const [only] = answered;
      // Of several none has a stream.
      if (isLate && only !== undefined && answered.length === 1) discard?.(only);
      return answered;
    };
    try {
      const outcome = await gatherer.ask(place, op, call, limitMs);
      isLate = outcome === null;
      return outcome ?? { type: 'timed-out' };
    } catch (error) {
      return { type: 'threw', overloaded: isOverload(error), message: messageOf(error) };
    }
  }

  async function untilAnswered<A extends AnyAnswer>(
    { groupId, members, shard }: ShardGroup,
    deadlineMs: number,
    { tryMs = TRY_MS, anyMember = false, isTypical = true }: CallOptions<A>,
    tryCall: (call: GroupCall, limitMs: number) => Promise<A | FailedTry>,
  ): Promise<CallOutcome<A>> {
    let nowMs = now();
    const deadlineAt = nowMs + deadlineMs;
    const via = relays.via(groupId, nowMs);
    let call = beginCall(hints.get(groupId) ?? FIRST_PRIMARY, via);
    if (anyMember && via === null) {
      call = { ...call, target: nearest.choose(groupId, call.target, members.length) };
    }
    for (; ; nowMs = now()) {
      const startedAt = nowMs;
      const limitMs = Math.max(0, deadlineAt - startedAt);
      const answer = await tryCall(call, Math.min(limitMs, tryMs));
      if (!isFailure(answer)) {
        if (anyMember && isTypical) nearest.answered(groupId, call.target, now() - startedAt);
        // Nobody but a primary answers what is not for any member, be it by way of another.
        const view = answer.view ?? 0;
        if (!anyMember) remember(groupId, { view, primary: primaryOf(view, members.length) });
        if (asksRelay(call)) relays.served(groupId, call.target, now());
        else if (call.target === call.hint.primary) relays.forget(groupId);
        return { type: 'answered', answer: answer as never };
      }
      if (answer.type === 'not-primary' || answer.type === 'deposed') remember(groupId, answer);
      if (asksRelay(call)) relays.forget(groupId);
      let move = afterFailure(call, answer, deadlineAt - now(), members.length);
      if (move.type === 'try' && move.afterMs > 0) {
        await sleep(move.afterMs);
        // A try without time would only leave its outcome unknown.
        if (now() >= deadlineAt) move = afterFailure(call, answer, 0, members.length);
      }
      if (move.type === 'give-up') {
        const { maybeDone, detail } = move;
        return { type: 'failed', maybeDone, detail: `shard ${shard}: ${detail}` };
      }
      call = move.call;
    }
  }

  return {
    call(group, deadlineMs, attempt, options = {}) {
      if (!options.isAside) parts.operation?.();
      return untilAnswered(group, deadlineMs, options, (call, limitMs) =>
        tryOnce(group, call, limitMs, attempt, options.discard),
      );
    },
    ask(group, deadlineMs, op, { read, discard, ...options } = {}) {
      parts.operation?.();
      return untilAnswered(group, deadlineMs, options, async (call, limitMs) => {
        const outcome = await tryTogether(group, call, limitMs, op, discard);
        return read !== undefined && 'groupId' in outcome ? read(outcome) : (outcome as never);
      });
    },
    async callMember(group, member, deadlineMs, attempt) {
      const answer = await orLate(start(group, member, attempt), deadlineMs);
      if (answer === LATE) throw new Error(`member ${member} did not answer within ${deadlineMs} ms`);
      return answer;
    },
  };
}

/** What is answered after different times does not wait for one another. */
function kindOf(op: CommonOp): string {
  if (op.type === 'command') return op.type;
  return op.type === 'read' ? op.need.level : `lookup ${op.query.level}`;
}

function toldBy(call: GroupCall): ToldInHeader {
  return { suspects: call.suspects, relay: asksRelay(call) };
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
