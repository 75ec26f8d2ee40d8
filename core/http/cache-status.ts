// Cache-Status (RFC 9211): the edge's own member, appended after those of caches nearer to the origin.
import { isValidTokenStr, serializeInteger, serializeString } from 'structured-headers';
import type { Fields } from './fields.ts';

/** RFC 9211 §2.2: why a request goes forward. */
export type ForwardReason =
  | 'bypass'
  | 'method'
  | 'uri-miss'
  | 'vary-miss'
  | 'miss'
  | 'request'
  | 'stale'
  | 'partial';

export type CacheStatus =
  | {
      readonly type: 'hit';
      /** RFC 9211 §2.4: remaining freshness; negative when stale. */
      readonly ttlSeconds: number;
      /** RFC 9211 §2.6: it waited for another request's fetch. */
      readonly collapsed?: boolean;
      readonly key?: string;
      readonly detail?: string;
    }
  | {
      readonly type: 'forward';
      readonly forward: ForwardReason;
      /** RFC 9211 §2.3: status of the next hop's answer, where there was one. */
      readonly forwardStatus?: number;
      readonly ttlSeconds?: number;
      /** RFC 9211 §2.5. */
      readonly stored?: boolean;
      /** RFC 9211 §2.6. */
      readonly collapsed?: boolean;
      /** RFC 9211 §2.7. */
      readonly key?: string;
      /** RFC 9211 §2.8: a named reason. */
      readonly detail?: string;
    };

/** `Roundel; hit; ttl=59`, `Roundel; fwd=uri-miss; fwd-status=200; stored`. */
export function cacheStatusMember(status: CacheStatus): string {
  const parts = ['Roundel'];
  if (status.type === 'hit') {
    parts.push('hit');
  } else {
    parts.push(`fwd=${status.forward}`);
    if (status.forwardStatus !== undefined) parts.push(`fwd-status=${status.forwardStatus}`);
  }
  if (status.ttlSeconds !== undefined) parts.push(`ttl=${serializeInteger(status.ttlSeconds)}`);
  if (status.type === 'forward' && status.stored) parts.push('stored');
  if (status.collapsed) parts.push('collapsed');
  if (status.key !== undefined) parts.push(`key=${stringOf(status.key)}`);
  if (status.detail !== undefined) parts.push(`detail=${tokenOrString(status.detail)}`);
  return parts.join('; ');
}

/** RFC 9211 §2: each cache appends its member; ours becomes the last line. */
export function appendCacheStatus(fields: Fields, status: CacheStatus): Fields {
  return [...fields, ['cache-status', cacheStatusMember(status)]];
}

/** RFC 9651 §3.3.4: a token where the text is one, else a string of what ASCII can print. */
function tokenOrString(text: string): string {
  return isValidTokenStr(text) ? text : stringOf(text);
}

function stringOf(text: string): string {
  return serializeString(text.replace(/[^\x20-\x7e]/g, '?'));
}
