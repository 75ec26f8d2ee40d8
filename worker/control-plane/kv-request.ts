// What a key-value request asks for, checked piece by piece: the address, the lifetime and tags, the condition, and
// the id under which a repeated write is recognised.
import { z } from '@hono/zod-openapi';
import type { FieldError } from '../../core/config/field-error.ts';
import type { Condition } from '../../core/replication/commands.ts';
import { tagCondition } from './entity-tags.ts';
import { invalid, Problem } from './problem.ts';

export const NAMESPACE = /^[a-z0-9-]{1,64}$/;
export const NAMESPACE_MESSAGE = 'must be 1–64 of a–z, 0–9 and "-"';
const KEY_MAX_BYTES = 512;
const TTL_MAX_SECONDS = 3_153_600_000; // A century: an instant that every clock can still hold.
const TAGS_MAX = 64;
const TAG = /^[\x21-\x2b\x2d-\x7e]{1,256}$/;

export interface KvAddress {
  readonly namespace: string;
  readonly key: string;
}

/** `path`: decoded segments. Throws 422 naming what is wrong. */
export function kvAddress(path: Readonly<Record<string, string>>): KvAddress {
  const { namespace = '', key = '' } = path;
  const errors: FieldError[] = [];
  if (!NAMESPACE.test(namespace)) errors.push({ path: 'namespace', message: NAMESPACE_MESSAGE });
  const bytes = new TextEncoder().encode(key).byteLength;
  if (bytes < 1 || bytes > KEY_MAX_BYTES) {
    errors.push({ path: 'key', message: `must have 1–${KEY_MAX_BYTES} bytes of UTF-8, not ${bytes}` });
  }
  if (key === '.' || key === '..') {
    errors.push({ path: 'key', message: 'must not be "." or "..": clients and proxies fold such paths' });
  }
  if (errors.length > 0) throw invalid(errors);
  return { namespace, key };
}

const ttlMessage = `must be whole seconds from 1 to ${TTL_MAX_SECONDS}`;

export const kvWriteQuery = z.strictObject({
  ttl: z
    .string()
    .regex(/^[1-9]\d{0,9}$/, ttlMessage)
    .transform(Number)
    .refine((seconds) => seconds <= TTL_MAX_SECONDS, ttlMessage)
    .optional()
    .openapi({ description: 'Lifetime in whole seconds; without it the pair stays for ever.' }),
  tags: z
    .string()
    .transform((text) => (text === '' ? [] : text.split(',')))
    .refine((tags) => tags.length <= TAGS_MAX, `must be at most ${TAGS_MAX} tags`)
    .refine(
      (tags) => tags.every((tag) => TAG.test(tag)),
      'must be tags of 1–256 visible ASCII, with commas between',
    )
    .optional()
    .openapi({ description: 'Comma-separated.' }),
});

export const kvReadQuery = z.strictObject({
  consistency: z
    .enum(['linearizable', 'session', 'bounded', 'any'])
    .optional()
    .openapi({ description: 'Least that the read has to give; default linearizable.' }),
});

export const kvDeleteQuery = z.strictObject({});

const bookmark = { 'Roundel-Bookmark': z.string().optional().describe('The last one an answer gave.') };

export const kvReadHeaders = z.object({
  'If-Match': z.string().optional(),
  'If-None-Match': z.string().optional(),
  ...bookmark,
});

export const kvWriteHeaders = z.object({
  'If-Match': z.string().optional().describe('Only if this is the current ETag.'),
  'If-None-Match': z.literal('*').optional().describe('Only if there is no such key.'),
  'Idempotency-Key': z.string().optional().describe('Repeats within 10 minutes have the first outcome.'),
  ...bookmark,
});

/** Of a write; null when there is none. A weak tag matches nothing, so a list of only such always fails. */
export function writeCondition(headers: Headers): Condition | null {
  const ifMatch = tagCondition(headers, 'If-Match');
  const ifNoneMatch = tagCondition(headers, 'If-None-Match');
  if (ifNoneMatch && ifNoneMatch !== '*') {
    throw invalid([{ path: 'If-None-Match', message: 'must be "*" on a write' }]);
  }
  if (ifMatch && ifNoneMatch) {
    throw invalid([{ path: 'If-None-Match', message: 'cannot be combined with If-Match' }]);
  }
  if (ifNoneMatch) return { type: 'absent' };
  if (!ifMatch) return null;
  if (ifMatch === '*') return { type: 'exists' };
  return { type: 'etag', etags: ifMatch.filter(({ weak }) => !weak).map(({ opaque }) => opaque) };
}

/** RFC 9110 §14.4, §8.4: a part of a value, or a coded one, would be stored as something that it is not. */
export function refuseForeignRepresentation(headers: Headers): void {
  if (headers.has('content-range')) {
    const message = 'cannot be put: a value is stored whole';
    throw new Problem('bad-header', `Content-Range: ${message}`, {
      errors: [{ path: 'Content-Range', message }],
    });
  }
  const coding = headers.get('content-encoding');
  if (coding !== null && coding.toLowerCase() !== 'identity') {
    throw new Problem(
      'unsupported-media-type',
      `Cannot store a value of Content-Encoding "${coding}": it would be lost`,
    );
  }
}

/** The id of a repeatable write: one for each Idempotency-Key of a namespace and key. */
export async function writeRequestId(
  headers: Headers,
  { namespace, key }: KvAddress,
  newRequestId: () => string,
): Promise<string> {
  const given = headers.get('idempotency-key');
  if (given === null) return newRequestId();
  if (!/^[\x20-\x7e]{1,256}$/.test(given)) {
    const message = 'must be 1–256 characters of visible ASCII';
    throw new Problem('bad-header', `Idempotency-Key: ${message}`, {
      errors: [{ path: 'Idempotency-Key', message }],
    });
  }
  const scoped = new TextEncoder().encode(JSON.stringify([namespace, key, given]));
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', scoped));
  return `kv-${[...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
