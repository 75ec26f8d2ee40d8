// What the core or the clock refused, in the words that callers of a member hear.
import { isRefusal } from '../../core/replication/refused-answer.ts';
import type { MemberRefusal } from '../interfaces/shard-replica.ts';
import type { Ask } from '../run-effects.ts';

/** For an answer that is not the one hoped for. Throws when it belongs to another kind of request. */
export function refusalOf(ask: Ask): MemberRefusal {
  if (ask.type === 'timed-out') return ask;
  if (isRefusal(ask.answer)) return ask.answer;
  throw new Error(`Cannot make a refusal of an answer of type "${ask.answer.type}"`);
}

/** The refusal of a whole call, of which a part was carried out. */
export function afterPart(refusal: MemberRefusal, isPartlyDone: boolean): MemberRefusal {
  return isPartlyDone ? { ...refusal, isPartlyDone } : refusal;
}
