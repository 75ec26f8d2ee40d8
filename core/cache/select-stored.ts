// Which of a URL's stored responses a request selects (RFC 9111 §4.1).
import { bestLanguage } from '../http/accept-language.ts';
import { type Fields, fieldLines, fieldValue } from '../http/fields.ts';
import { isSameSelection, matchesSelecting, type SelectingFields } from '../http/vary.ts';
import type { StoredResponse } from './stored-response.ts';

/**
 * Index of the most recent response whose selecting fields match, or null. One without Vary matches everything, but
 * where others vary it counts only while it is newer than all of them: an origin that forgets Vary on some answer must
 * not have that answer shown to everybody. `keyParts` are the request's,
 * those of the response are the same. O(variants × fields).
 */
export function selectStored(
  stored: readonly StoredResponse[],
  { fields, keyParts }: { readonly fields: Fields; readonly keyParts: SelectingFields },
): number | null {
  const isKeyedAlike = (candidate: StoredResponse) => isSameSelection(candidate.keyParts, keyParts);
  let newestVarying: StoredResponse | null = null;
  for (const candidate of stored) {
    if (candidate.vary.length === 0 || !isKeyedAlike(candidate)) continue;
    if (newestVarying === null || isNewer(candidate, newestVarying)) newestVarying = candidate;
  }
  let selected: number | null = null;
  let best: StoredResponse | null = null;
  for (let i = 0; i < stored.length; i++) {
    const candidate = stored[i] as StoredResponse;
    const isOutdated =
      candidate.vary.length === 0 && newestVarying !== null && !isNewer(candidate, newestVarying);
    if (isOutdated || !isKeyedAlike(candidate) || !answers(candidate, fields)) continue;
    if (best !== null && !isNewer(candidate, best)) continue;
    selected = i;
    best = candidate;
  }
  return selected;
}

/**
 * RFC 9111 §4.1: a cache may normalize selecting fields "in a way that is known to have identical semantics": where the
 * response says which language it is in, it answers whoever likes that one best.
 */
function answers({ vary, fields: of }: StoredResponse, fields: Fields): boolean {
  if (matchesSelecting(vary, fields)) return true;
  const language = fieldLines(of, 'content-language');
  if (language.length !== 1 || !vary.some(([name]) => name === 'accept-language')) return false;
  const wanted = bestLanguage(fieldValue(fields, 'accept-language') ?? '');
  if (wanted === null || wanted !== language[0]?.toLowerCase()) return false;
  return matchesSelecting(
    vary.filter(([name]) => name !== 'accept-language'),
    fields,
  );
}

/**
 * RFC 9111 §4: "the most recent one (as determined by the Date header field)"; among equals the whole before a part, then
 * the later receipt.
 */
function isNewer(a: StoredResponse, b: StoredResponse): boolean {
  if (a.dateAt !== b.dateAt) return a.dateAt > b.dateAt;
  const [aIsWhole, bIsWhole] = [a.part === null, b.part === null];
  return aIsWhole === bIsWhole ? a.receivedAt > b.receivedAt : aIsWhole;
}
