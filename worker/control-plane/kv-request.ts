// What a key-value request asks for, checked piece by piece: the address, the lifetime and tags, the condition, and
// the id under which a repeated write is recognised.
import { z } from '@hono/zod-openapi';
import type { FieldError } from '../../core/config/field-error.ts';
import type { Condition } from '../../core/replication/commands.ts';
import { CONSISTENCY_LEVELS, type Consistency, type ReadWish } from '../../core/replication/read-need.ts';
import { type TagCondition, tagCondition } from './entity-tags.ts';
import { invalid, Problem } from './problem.ts';
import type { Session } from './session.ts';

export const NAMESPACE = /^[a-z0-9-]{1,64}$/;
export const NAMESPACE_MESSAGE = 'must be 1–64 of a–z, 0–9 and "-"';
const KEY_MAX_BYTES = 512;
const TTL_MAX_SECONDS = 3_153_600_000; // A century: an instant that every clock can still hold.
const TAGS_MAX = 64;
const encoder = new TextEncoder();
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
  const message = keyProblem(key);
  if (message !== null) errors.push({ path: 'key', message });
  if (errors.length > 0) throw invalid(errors);
  return { namespace, key };
}

export function kvNamespace({ namespace = '' }: Readonly<Record<string, string>>): string {
  if (!NAMESPACE.test(namespace)) throw invalid([{ path: 'namespace', message: NAMESPACE_MESSAGE }]);
  return namespace;
}

/** What keeps a text from being a key, or null. */
function keyProblem(key: string): string | null {
  if (key === '.' || key === '..') return 'must not be "." or "..": clients and proxies fold such paths';
  return keyBytesProblem(key);
}

export function keyBytesProblem(text: string): string | null {
  // No half of a surrogate pair by itself: it has no UTF-8.
  if (!text.isWellFormed()) return 'must be well-formed Unicode';
  // A UTF-16 unit takes three bytes at most.
  if (text.length > 0 && text.length <= KEY_MAX_BYTES / 3) return null;
  const bytes = encoder.encode(text).byteLength;
  return bytes < 1 || bytes > KEY_MAX_BYTES
    ? `must have 1–${KEY_MAX_BYTES} bytes of UTF-8, not ${bytes}`
    : null;
}

export const kvKey = z.string().superRefine((key, context) => {
  const message = keyProblem(key);
  if (message !== null) context.addIssue({ code: 'custom', message });
});

const ttlMessage = `must be whole seconds from 1 to ${TTL_MAX_SECONDS}`;

/** Of JSON. */
export const ttlSeconds = z.int(ttlMessage).min(1, ttlMessage).max(TTL_MAX_SECONDS, ttlMessage);

export const tagList = z
  .array(z.string().regex(TAG, 'must be 1–256 visible ASCII characters without commas'))
  .max(TAGS_MAX, `must be at most ${TAGS_MAX} tags`)
  .refine((tags) => new Set(tags).size === tags.length, 'must not name a tag twice');

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
    .transform((text, context) => {
      const parsed = tagList.safeParse(text === '' ? [] : text.split(','));
      if (parsed.success) return parsed.data;
      // One value of the query, whichever of its tags is wrong.
      context.addIssue({ code: 'custom', message: parsed.error.issues[0]?.message ?? 'must be tags' });
      return z.NEVER;
    })
    .optional()
    .openapi({ type: 'string', description: 'Comma-separated.' }),
});

export const consistency = z
  .enum(CONSISTENCY_LEVELS)
  .optional()
  .openapi({ description: 'Least that reads have to give; default linearizable.' });

export const kvReadQuery = z.strictObject({ consistency });

/** The level, and what the client's session has seen. */
export function readWish(
  query: { readonly consistency?: Consistency | undefined },
  { sent }: Session,
): ReadWish {
  return { level: query.consistency ?? 'linearizable', bookmark: sent };
}

export const kvNoQuery = z.strictObject({});

const bookmark = { 'Roundel-Bookmark': z.string().optional().describe('The last one an answer gave.') };

export const kvReadHeaders = z.object({
  'If-Match': z.string().optional(),
  'If-None-Match': z.string().optional(),
  ...bookmark,
});

export const listHeaders = z.object(bookmark);

const idempotencyKey = z.string().optional().describe('Repeats within 10 minutes have the first outcome.');

/** Each op is remembered by its key and its place in the batch. */
export const batchHeaders = z.object({ 'Idempotency-Key': idempotencyKey, ...bookmark });

export const incrementHeaders = z.object({
  'If-Match': z.string().optional().describe('Only if this is the current ETag.'),
  'Idempotency-Key': idempotencyKey,
  ...bookmark,
});

export const kvWriteHeaders = z.object({
  'If-Match': z.string().optional().describe('Only if this is the current ETag.'),
  'If-None-Match': z.literal('*').optional().describe('Only if there is no such key.'),
  'Idempotency-Key': idempotencyKey,
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
  return ifMatch ? conditionOf(ifMatch) : null;
}

export function conditionOf(ifMatch: TagCondition): Condition {
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

/**
 * The id of a repeatable write: one for each Idempotency-Key of a namespace and key. In a batch it is one for each
 * place as well, since a batch may write a key more than once.
 */
export async function writeRequestId(
  headers: Headers,
  namespace: string,
  key: string,
  newRequestId: () => string,
  place?: number,
): Promise<string> {
  const given = headers.get('idempotency-key');
  if (given === null) return newRequestId();
  if (!/^[\x20-\x7e]{1,256}$/.test(given)) {
    const message = 'must be 1–256 characters of visible ASCII';
    throw new Problem('bad-header', `Idempotency-Key: ${message}`, {
      errors: [{ path: 'Idempotency-Key', message }],
    });
  }
  const scope = place === undefined ? [namespace, key, given] : [namespace, key, given, place];
  const scoped = new TextEncoder().encode(JSON.stringify(scope));
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', scoped));
  return `kv-${[...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
