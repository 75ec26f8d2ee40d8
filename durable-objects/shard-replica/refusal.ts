// What the core or the clock refused, in the words that callers of a member hear.
import type { ClientAnswer } from '../../core/replication/messages.ts';
import type { MemberRefusal } from '../interfaces/shard-replica.ts';
import type { Ask } from '../run-effects.ts';

/** For an answer that is not the one hoped for. Throws when it belongs to another kind of request. */
export function refusalOf(ask: Ask): MemberRefusal {
  return ask.type === 'timed-out' ? ask : refusedAnswer(ask.answer);
}

/** The refusal of a whole call, of which a part was carried out. */
export function afterPart(refusal: MemberRefusal, isPartlyDone: boolean): MemberRefusal {
  return isPartlyDone ? { ...refusal, isPartlyDone } : refusal;
}

function refusedAnswer(answer: ClientAnswer): MemberRefusal {
  switch (answer.type) {
    case 'not-primary':
    case 'deposed':
    case 'not-ready':
    case 'overloaded':
    case 'too-large':
      return answer;
    case 'result':
    case 'rows':
    case 'lease':
    case 'page':
    case 'renewed':
    case 'released':
    case 'staged':
    case 'heard':
    case 'suspected':
      throw new Error(`Cannot make a refusal of an answer of type "${answer.type}"`);
  }
}
