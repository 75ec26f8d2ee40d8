// Which header fields go on to an origin, and which come back to a client: the duties of an intermediary
// (RFC 9110 §7.6) and the route's own changes, in one place.
import { cdnLoopValue, hasOwnCdnId } from './cdn-loop.ts';
import type { Fields } from './fields.ts';
import { type Arrival, isClaim, withForwardedFields } from './forwarded.ts';
import { withoutHopByHop } from './hop-by-hop.ts';
import { formatHttpDate } from './http-date.ts';

export interface FieldChanges {
  /** Names in any case; each replaces all lines of its name. */
  readonly setHeaders: Readonly<Record<string, string>>;
  readonly removeHeaders: readonly string[];
}

export type ForwardToOrigin =
  | { readonly type: 'forward'; readonly fields: Fields }
  /** RFC 8586 §3: the request has been at this edge before. */
  | { readonly type: 'loop' };

/** RFC 9110 §7.6.3: protocol version of the message received, and who we are. */
const VIA = '1.1 roundel';

/** Written anew, or only by the edge itself. */
const OF_THE_EDGE = new Set(['host', 'cdn-loop', 'roundel-mirror', 'roundel-explain', 'roundel-bookmark']);

/**
 * Request fields for an origin: no Host (the caller sends the backend's), nothing hop-by-hop, claims checked, Via and
 * CDN-Loop extended, then the route's changes. These are also the fields to decide storing and reuse by: Vary must
 * compare what the origin saw, not what a client claimed. O(n).
 */
export function fieldsToOrigin(
  request: Arrival & FieldChanges & { readonly fields: Fields },
): ForwardToOrigin {
  const { fields } = request;
  // Before Connection can name the field away.
  if (hasOwnCdnId(fields)) return { type: 'loop' };
  const endToEnd = withoutHopByHop(fields, OF_THE_EDGE);
  const forwarded = withForwardedFields(endToEnd, request);
  const marked: Fields = [...forwarded, ['via', VIA], ['cdn-loop', cdnLoopValue(fields)]];
  return { type: 'forward', fields: changed(marked, request) };
}

/**
 * What of those fields is the client's own, made without asking who the client is, which is dear: of every name that is
 * not `isOfArrival` it has the same lines. Of the others it may have any. O(n).
 */
export function ownFieldsToOrigin(fields: Fields, changes: FieldChanges): Fields {
  return changed(withoutHopByHop(fields, OF_THE_EDGE), changes);
}

/** True for fields whose lines depend on where the request came from, or that the edge extends; lower case. O(1). */
export function isOfArrival(name: string): boolean {
  return name === 'via' || name === 'cdn-loop' || isClaim(name);
}

/**
 * Response fields for the client: nothing hop-by-hop, Via extended, Date added when missing (RFC 9110 §6.6.1), then
 * the route's changes. `receivedAt` in epoch ms: when the origin's response came. O(n).
 */
export function fieldsToClient(
  response: FieldChanges & { readonly fields: Fields; readonly receivedAt: number },
): Fields {
  const passed: (readonly [string, string])[] = [...withoutHopByHop(response.fields), ['via', VIA]];
  if (!passed.some(([name]) => name === 'date')) passed.push(['date', formatHttpDate(response.receivedAt)]);
  return changed(passed, response);
}

/** Removals first: a field that is removed and set is there once, with the value set. */
function changed(fields: Fields, { setHeaders, removeHeaders }: FieldChanges): Fields {
  const set = Object.entries(setHeaders).map(([name, value]) => [name.toLowerCase(), value] as const);
  if (set.length === 0 && removeHeaders.length === 0) return fields;
  const gone = new Set([...removeHeaders.map((name) => name.toLowerCase()), ...set.map(([name]) => name)]);
  return [...fields.filter(([name]) => !gone.has(name)), ...set];
}
