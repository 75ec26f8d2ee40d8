// Which answers of a member are not what was asked for, but why there is none.
import type { ClientAnswer } from './messages.ts';

export type RefusedAnswer = Extract<
  ClientAnswer,
  { readonly type: 'not-primary' | 'deposed' | 'not-ready' | 'overloaded' | 'too-large' }
>;

/** O(1). */
export function isRefusal(answer: ClientAnswer): answer is RefusedAnswer {
  switch (answer.type) {
    case 'not-primary':
    case 'deposed':
    case 'not-ready':
    case 'overloaded':
    case 'too-large':
      return true;
    case 'result':
    case 'rows':
    case 'lease':
    case 'page':
    case 'renewed':
    case 'released':
    case 'staged':
    case 'heard':
    case 'suspected':
      return false;
  }
}
