// CDN-Loop (RFC 8586): how the edge knows that a request has been here before.
import { listMembers, splitOutsideQuotes } from './field-syntax.ts';
import { type Fields, fieldLines } from './fields.ts';

/** RFC 8586 §2: the pseudonym by which this edge marks what it sends. */
export const CDN_ID = 'roundel';

/** RFC 8586 §2: a member is an id and parameters; the id alone says who it was. O(n). */
export function hasOwnCdnId(fields: Fields): boolean {
  for (const line of fieldLines(fields, 'cdn-loop')) {
    for (const member of listMembers(line)) {
      if (splitOutsideQuotes(member, ';')[0]?.toLowerCase() === CDN_ID) return true;
    }
  }
  return false;
}

/** RFC 8586 §2: what others wrote stays, ours comes after. */
export function cdnLoopValue(fields: Fields): string {
  return [...fieldLines(fields, 'cdn-loop'), CDN_ID].join(', ');
}
