// Fields that belong to one connection (RFC 9110 §7.6.1): neither forwarded nor stored, in either direction. The
// runtime does not take them off by itself.
import { listMembers } from './field-syntax.ts';
import { type Fields, fieldLines } from './fields.ts';

const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

/** Its one option is hop-by-hop by name. */
const KEEP_ALIVE = new Set(['keep-alive', 'Keep-Alive']);
const NONE: ReadonlySet<string> = new Set();

/** Of any message, whatever its Connection field says; every Proxy-* field speaks to the next proxy only. */
export function isHopByHop(name: string): boolean {
  return HOP_BY_HOP.has(name) || name.startsWith('proxy-');
}

/** RFC 9110 §7.6.1: names in Connection, in lower case; without "keep-alive" where that is all. */
export function connectionOptions(fields: Fields): ReadonlySet<string> {
  const lines = fieldLines(fields, 'connection');
  const [only = ''] = lines;
  // What nearly every connection says.
  if (lines.length === 0 || (lines.length === 1 && KEEP_ALIVE.has(only))) return NONE;
  const options = new Set<string>();
  for (const line of lines) {
    for (const member of listMembers(line)) options.add(member.toLowerCase());
  }
  return options;
}

/** The end-to-end fields but for those of these names, in order. O(n). */
export function withoutHopByHop(fields: Fields, butFor: ReadonlySet<string> = NONE): Fields {
  const options = connectionOptions(fields);
  return fields.filter(([name]) => !isHopByHop(name) && !options.has(name) && !butFor.has(name));
}
