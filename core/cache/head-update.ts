// What the answer to a HEAD says of the stored response to a GET (RFC 9111 §4.3.5).
import { type Fields, fieldLines } from '../http/fields.ts';
import { varyNames } from '../http/vary.ts';
import type { CachePolicy } from './policy.ts';
import { updatedFields } from './revalidation.ts';
import { judge } from './storable.ts';
import type { StoredResponse } from './stored-response.ts';

export interface HeadAnswer {
  readonly status: number;
  readonly fields: Fields;
  readonly requestedAt: number;
  readonly receivedAt: number;
  readonly authorized: boolean;
}

export type HeadUpdate =
  /** It agrees: the stored response goes on with its fields. */
  | {
      readonly type: 'renewed';
      readonly stored: StoredResponse;
      readonly variant: string;
      readonly keepMs: number;
    }
  /** It disagrees: what is stored is stale from now on. */
  | { readonly type: 'outdated' }
  /** It says nothing of it. */
  | { readonly type: 'unrelated' };

/** `lengthBytes`: of the stored body. O(fields). */
export function judgeHead(
  stored: StoredResponse,
  lengthBytes: number,
  head: HeadAnswer,
  policy: CachePolicy,
): HeadUpdate {
  // "receives a 200 (OK) response"; a resource that is gone has no stored representation that is true either.
  if (head.status === 404 || head.status === 410) return { type: 'outdated' };
  if (head.status !== 200 || stored.status !== 200) return { type: 'unrelated' };
  if (!agrees(stored, lengthBytes, head.fields)) return { type: 'outdated' };
  const { keyParts, vary } = stored;
  const { requestedAt, receivedAt, authorized } = head;
  const fields = updatedFields(stored.fields, head);
  const context = { keyParts, vary, part: null, authorized, cookied: false, requestedAt, receivedAt };
  const judged = judge({ status: stored.status, fields }, context, policy);
  if (judged.type === 'not-stored') return { type: 'outdated' };
  return { type: 'renewed', stored: judged.stored, variant: judged.variant, keepMs: judged.keepMs };
}

/**
 * "matching values for any received validator fields (ETag and Last-Modified) and, if the HEAD response has a
 * Content-Length header field, the value of Content-Length matches that of the stored response". At least one of them
 * must be there: an answer without any says nothing of the bytes that we hold.
 */
function agrees(stored: StoredResponse, lengthBytes: number, head: Fields): boolean {
  if (fieldLines(head, 'vary').length > 0 && String(varyNames(head)) !== String(varyNames(stored.fields)))
    return false;
  const same = ['etag', 'last-modified'].map((name) => sameLines(stored.fields, head, name));
  const [length] = fieldLines(head, 'content-length');
  if (length !== undefined) same.push(Number(length) === lengthBytes);
  return same.includes(true) && !same.includes(false);
}

/** null: the HEAD does not have it. */
function sameLines(stored: Fields, head: Fields, name: string): boolean | null {
  const lines = fieldLines(head, name);
  return lines.length === 0 ? null : String(lines) === String(fieldLines(stored, name));
}
