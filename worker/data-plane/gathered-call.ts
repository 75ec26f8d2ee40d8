// The one call that carries gathered operations to a member.
import type {
  EdgeHeader,
  GatheredAnswer,
  GatheredOp,
  GatheredOutcome,
  KvReadAnswer,
  MemberAddress,
  MemberRefusal,
  ShardReplicaRpc,
  SubmitAnswer,
} from '../../durable-objects/interfaces/shard-replica.ts';

/** What the runtime says of a method that the object does not have. */
const UNKNOWN_METHOD = /does not implement the method/;

/** Members of version 0.1, which a deployment leaves at work for a while, are asked for each by itself. */
export async function callGathered(
  connect: () => ShardReplicaRpc,
  to: MemberAddress,
  header: EdgeHeader,
  ops: readonly GatheredOp[],
): Promise<GatheredAnswer> {
  try {
    return await connect().gathered({ to, header, ops });
  } catch (error) {
    if (!UNKNOWN_METHOD.test(String(error))) throw error;
  }
  const member = connect();
  const answers = await Promise.all(ops.map((op) => callAlone(member, to, header, op)));
  const [first] = answers;
  if (first === undefined) throw new Error('Cannot gather no operations');
  const { header: told, groupId, view } = first;
  return { type: 'gathered', outcomes: answers.map(outcomeOf), header: told, groupId, view };
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
