// The one call that carries gathered operations to a member.
import type {
  EdgeHeader,
  GatheredAnswer,
  GatheredOp,
  GatheredOutcome,
  KvReadAnswer,
  LookupAnswer,
  LookupOutcome,
  LookupQuery,
  LookupsAnswer,
  MemberAddress,
  MemberRefusal,
  ShardReplicaRpc,
  SubmitAnswer,
} from '../../durable-objects/interfaces/shard-replica.ts';

/** What concurrent requests of an isolate can ask together. */
export type CommonOp = GatheredOp | { readonly type: 'lookup'; readonly query: LookupQuery };

/** Of a lookup that travelled alone the body may be a stream. */
export type CommonOutcome = GatheredOutcome | LookupOutcome;

export interface CommonAnswer {
  /** What came, and with it what every answer tells; null: nothing did. */
  readonly answer: GatheredAnswer | LookupsAnswer | LookupAnswer | AloneAnswer | null;
  /** One for each op, in order. */
  readonly outcomes: readonly CommonOutcome[];
}

/** What the runtime says of a method that the object does not have. */
const UNKNOWN_METHOD = /does not implement the method/;

/**
 * Ops of one kind. Members of version 0.1, which a deployment leaves at work for a while, are asked for each by itself;
 * so is a lookup that is alone: then a large body comes as a stream, and belongs to the request that waits for it.
 */
export async function callGathered(
  connect: () => ShardReplicaRpc,
  to: MemberAddress,
  header: EdgeHeader,
  ops: readonly CommonOp[],
): Promise<CommonAnswer> {
  const queries = ops.flatMap((op) => (op.type === 'lookup' ? [op.query] : []));
  const [only] = queries;
  const gathered = ops.filter((op) => op.type !== 'lookup');
  if (ops.length === 1 && only !== undefined) {
    const answer = await connect().lookup({ to, header, ...only });
    return { answer, outcomes: [answer] };
  }
  try {
    if (only !== undefined) {
      const answer = await connect().lookups({ to, header, queries });
      return { answer, outcomes: answer.type === 'looked-up' ? answer.outcomes : ops.map(() => answer) };
    }
    const answer = await connect().gathered({ to, header, ops: gathered });
    return { answer, outcomes: answer.type === 'gathered' ? answer.outcomes : ops.map(() => answer) };
  } catch (error) {
    if (!UNKNOWN_METHOD.test(String(error))) throw error;
  }
  // Not here: a body's stream would belong to this request, and not to the one that waits for it.
  if (only !== undefined) return { answer: null, outcomes: ops.map(() => ({ type: 'too-much' })) };
  const member = connect();
  const answers = await Promise.all(gathered.map((op) => callAlone(member, to, header, op)));
  const [answer] = answers;
  if (answer === undefined) throw new Error('Cannot gather no operations');
  return { answer, outcomes: answers.map(outcomeOf) };
}

type AloneAnswer = SubmitAnswer | KvReadAnswer;

function callAlone(
  member: ShardReplicaRpc,
  to: MemberAddress,
  header: EdgeHeader,
  op: GatheredOp,
): Promise<AloneAnswer> {
  if (op.type === 'read') {
    const { key, need, withBody } = op;
    return member.kvRead({ to, header, key, need, withBody });
  }
  const { reqId, command } = op;
  return member.submit({ to, header, requests: [{ reqId, command }] });
}

function outcomeOf(answer: AloneAnswer): GatheredOutcome {
  if (answer.type !== 'results')
    return answer satisfies Exclude<GatheredOutcome, { type: 'result' }> | MemberRefusal;
  const [result] = answer.results;
  if (result === undefined) throw new Error('A member answered 1 command with 0 results');
  return { type: 'result', result, bookmark: answer.bookmark };
}
