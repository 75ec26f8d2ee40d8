// RFC 9110 §13: a request whose validators match gets 304 and no body.
import { bodyOf, fieldValue, type Reply } from './reply.ts';
import type { ScriptedRequest } from './script-book.ts';

const weakless = (tag: string): string => tag.trim().replace(/^W\//, '');

export function applyConditions(reply: Reply, request: ScriptedRequest): Reply {
  const reads = request.method === 'GET' || request.method === 'HEAD';
  if (!reply.conditional || !reads || reply.status !== 200 || !unchanged(reply, request)) return reply;
  const fields = reply.fields.filter(([name]) => !/^content-(length|type|encoding|range)$/i.test(name));
  return { ...reply, status: 304, fields, body: bodyOf(''), framing: 'length' };
}

function unchanged(reply: Reply, request: ScriptedRequest): boolean {
  const etag = fieldValue(reply.fields, 'etag');
  const wanted = fieldValue(request.fields, 'if-none-match');
  if (wanted !== null) {
    if (wanted.trim() === '*') return true;
    // An entity tag may hold commas: take the quoted parts.
    const tags = wanted.match(/(?:W\/)?"[^"]*"/g) ?? [];
    return etag !== null && tags.some((tag) => weakless(tag) === weakless(etag));
  }
  const since = Date.parse(fieldValue(request.fields, 'if-modified-since') ?? '');
  const modified = Date.parse(fieldValue(reply.fields, 'last-modified') ?? '');
  return modified <= since;
}
