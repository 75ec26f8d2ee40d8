// What is kept of a response beside its body: its fields as stored, and the instants and permissions that follow from
// them, worked out once at storing so that a lookup only compares (RFC 9111 §4.2).
import type { Fields } from '../http/fields.ts';
import type { Part } from '../http/ranges.ts';
import type { SelectingFields } from '../http/vary.ts';

export interface StoredResponse {
  readonly status: number;
  /**
   * End-to-end, with Date and without Age and what may not be stored (RFC 9111 §3.1); of a part also without what is said
   * of its length.
   */
  readonly fields: Fields;
  /** Of a 206: which bytes of the representation the body is (RFC 9111 §3.3); null = the body is whole. */
  readonly part: Part | null;
  /** Of the request that brought it, by the names in Vary; empty without Vary. */
  readonly vary: SelectingFields;
  /** Of that request, what the route names beside Vary; only requests with the same get this response. */
  readonly keyParts: SelectingFields;
  /** When the request went out and the response came in, epoch ms. */
  readonly requestedAt: number;
  readonly receivedAt: number;
  /** Of the Date field, or of the receipt where that is invalid, epoch ms. */
  readonly dateAt: number;
  /** RFC 9111 §4.2.3: the instant at which its age was 0, epoch ms. */
  readonly bornAt: number;
  /** Fresh before this instant, epoch ms; at or before `bornAt` it never was. */
  readonly freshUntilAt: number;
  /** RFC 9111 §5.2.2.4 `no-cache`: never used without validation. */
  readonly alwaysValidate: boolean;
  /** RFC 9111 §5.2.2.2, .8, .10: `must-revalidate`, `proxy-revalidate`, `s-maxage`: never used stale. */
  readonly neverStale: boolean;
  /** RFC 9111 §3.5: `public`, `must-revalidate`, `s-maxage`: may serve requests with Authorization. */
  readonly servesAuthorized: boolean;
  /** RFC 5861 §3 `stale-while-revalidate` and §4 `stale-if-error` in seconds; null when it says nothing. */
  readonly staleWhileRevalidateSeconds: number | null;
  readonly staleIfErrorSeconds: number | null;
}

/** RFC 9111 §4.2.3 `current_age`, whole seconds. */
export function ageSecondsOf(stored: StoredResponse, nowMs: number): number {
  return Math.max(0, Math.floor((nowMs - stored.bornAt) / 1000));
}

/** What a soft purge at `staleFrom` (epoch ms) leaves of it: from then on it is stale, whatever it said of itself. */
export function staleSince(stored: StoredResponse, staleFrom: number): StoredResponse {
  return { ...stored, freshUntilAt: Math.min(stored.freshUntilAt, staleFrom) };
}

/** Of the text that a shard keeps; another one is unreadable to this code. Parts have a number of their own: code that does
 * not know them must not take one for a whole. */
const FORMAT = 2;
const FORMAT_OF_PART = 3;

export function encodeStored(stored: StoredResponse): string {
  return JSON.stringify({ format: stored.part === null ? FORMAT : FORMAT_OF_PART, ...stored });
}

/** Reads what `encodeStored` wrote. Throws where it is something else: then the row is not ours to use. */
export function decodeStored(text: string): StoredResponse {
  const { format, part = null, ...stored } = JSON.parse(text) as StoredResponse & { format: unknown };
  const isOurs = format === (part === null ? FORMAT : FORMAT_OF_PART);
  if (!isOurs || !Array.isArray(stored.fields)) {
    throw new Error(
      `Cannot read a stored response of format ${JSON.stringify(format)}: this code reads ${FORMAT} and ${FORMAT_OF_PART}`,
    );
  }
  return { ...stored, part };
}
