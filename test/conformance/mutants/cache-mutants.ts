// Deliberate bugs in the decisions of the cache: each is one that a cache somewhere has had, and the conformance cases
// have to notice it.
import type { Mutant } from '../../../simulate/mutants/mutant.ts';

const C = 'core/cache/';

const mutant = (name: string, file: string, find: string, replace: string): Mutant => ({
  name,
  edits: [{ file, find, replace }],
});

export const CACHE_MUTANTS: readonly Mutant[] = [
  mutant(
    'Vary is ignored',
    `${C}select-stored.ts`,
    'if (matchesSelecting(vary, fields)) return true;',
    'return true;',
  ),
  mutant(
    'an absent field matches an empty one',
    'core/http/vary.ts',
    'if (lines.length === 0) return null;\n  const members',
    'const members',
  ),
  mutant(
    'private is ignored',
    `${C}storable.ts`,
    "if (privateTo === 'all') return notStored('private');",
    '',
  ),
  mutant(
    'private counts only as it should be written',
    'core/http/cache-control.ts',
    "if (cacheControl.malformedWords.has(name)) return 'all';",
    '',
  ),
  mutant(
    'no-store is ignored beside max-age',
    `${C}storable.ts`,
    "if (!mustUnderstand && namesDirective(cacheControl, 'no-store')) return notStored('no-store');",
    "if (!mustUnderstand && namesDirective(cacheControl, 'no-store') && directiveSeconds(cacheControl, 'max-age') === null)\n    return notStored('no-store');",
  ),
  mutant(
    'the Age that came along is not added',
    'core/http/age.ts',
    'return Math.max(apparentAgeMs, ageSeconds * 1000 + responseDelayMs);',
    'return Math.max(apparentAgeMs, responseDelayMs);',
  ),
  mutant(
    'the apparent age is not looked at',
    'core/http/age.ts',
    'return Math.max(apparentAgeMs, ageSeconds * 1000 + responseDelayMs);',
    'return ageSeconds * 1000 + responseDelayMs;',
  ),
  mutant(
    'max-age goes before s-maxage',
    `${C}freshness.ts`,
    'if (sharedSeconds !== null) return sharedSeconds * 1000;',
    "if (sharedSeconds !== null && directiveSeconds(cacheControl, 'max-age') === null) return sharedSeconds * 1000;",
  ),
  mutant(
    'what is stale in this second is still fresh',
    `${C}reuse.ts`,
    'if (nowMs < selected.freshUntilAt || clientTakesStale(',
    'if (nowMs <= selected.freshUntilAt || clientTakesStale(',
  ),
  mutant(
    'stale is served after must-revalidate when the origin fails',
    `${C}origin-failure.ts`,
    '    stored.alwaysValidate ||\n    stored.neverStale ||\n',
    '    stored.alwaysValidate ||\n',
  ),
  mutant(
    'stale is served for ever when the origin fails',
    `${C}origin-failure.ts`,
    "return nowMs < stored.freshUntilAt + boundSeconds * 1000 ? 'serve-stale' : 'forward';",
    "return boundSeconds > 0 ? 'serve-stale' : 'forward';",
  ),
  mutant(
    'must-revalidate does not overrule stale-while-revalidate',
    `${C}reuse.ts`,
    'if (staleMs < windowMs && !selected.neverStale && selected.part === null) {',
    'if (staleMs < windowMs) {',
  ),
  mutant(
    'no-cache is stored and used',
    `${C}reuse.ts`,
    "if (selected.alwaysValidate) return ask('stale', 'no-cache');",
    '',
  ),
  mutant(
    'Set-Cookie is kept without explicit freshness',
    `${C}storable.ts`,
    "return setCookie === 'keep' && from === 'response' && ms > 0 ? null : 'set-cookie';",
    "return setCookie === 'keep' ? null : 'set-cookie';",
  ),
  mutant(
    'Authorization is not looked at when storing',
    `${C}storable.ts`,
    "if (context.authorized && !servesAuthorized) return notStored('authorization');",
    '',
  ),
  mutant(
    'Authorization is not looked at when reusing',
    `${C}reuse.ts`,
    "if (fieldLines(request.fields, 'authorization').length > 0 && !selected.servesAuthorized) {",
    'if (fieldLines(request.fields, "authorization").length > 99) {',
  ),
  mutant(
    'a 304 with another strong tag freshens',
    `${C}revalidation.ts`,
    '(theirs.weak ? weakMatch : strongMatch)(theirs, ours)',
    'ours !== null',
  ),
  mutant(
    'a 304 changes Content-Length',
    `${C}revalidation.ts`,
    'withoutHopByHop(fields).filter(([name]) => !BODY_FIELDS.has(name))',
    'withoutHopByHop(fields)',
  ),
  mutant(
    'an old Age survives a 304',
    `${C}revalidation.ts`,
    'const context = { keyParts, vary, part, authorized, cookied: false, requestedAt, receivedAt };',
    'const context = { ...stored, authorized, cookied: false };',
  ),
  mutant('errors invalidate', `${C}invalidation.ts`, 'if (status < 200 || status > 399) return [];', ''),
  mutant(
    'Location of another origin is invalidated',
    `${C}invalidation.ts`,
    "if (named?.type !== 'target' || named.scheme !== target.scheme || named.host !== target.host) continue;",
    "if (named?.type !== 'target') continue;",
  ),
  mutant(
    'If-Range compares weakly',
    `${C}respond.ts`,
    'return own !== null && strongMatch(tag, own);',
    'return own !== null && weakMatch(tag, own);',
  ),
  mutant(
    'If-Modified-Since goes before If-None-Match',
    `${C}respond.ts`,
    'if (ifNoneMatch !== undefined) {',
    "if (ifNoneMatch !== undefined && fieldLines(request.fields, 'if-modified-since').length === 0) {",
  ),
  mutant(
    'a GET with a body is answered from the cache',
    `${C}bypass.ts`,
    "if (!/^0+$/.test(value)) return 'request-body';",
    '',
  ),
  mutant(
    'the query is no part of the key',
    `${C}cache-key.ts`,
    "if (query === '' || (options.query === 'all' && !options.sortQuery)) return httpEntryKey(canonicalUrl);",
    "if (options.query === 'all') return httpEntryKey(canonicalUrl.slice(0, canonicalUrl.length - query.length));",
  ),
  mutant(
    'a part is shown as the whole',
    `${C}respond.ts`,
    'if (stored.part === null || isNotModified(stored, request, nowMs)) return true;',
    "if (fieldLines(request.fields, 'range').length === 0 || isNotModified(stored, request, nowMs)) return true;\n  if (stored.part === null) return true;",
  ),
  mutant(
    'parts are joined under a weak tag',
    `${C}join-parts.ts`,
    '|| !strongMatch(ours, theirs)) return false;',
    '|| ours.opaque !== theirs.opaque) return false;',
  ),
  mutant(
    'parts are joined over a gap',
    `${C}parts.ts`,
    'return one.first <= other.last + 1 && other.first <= one.last + 1;',
    'return one.first <= other.last + 2 && other.first <= one.last + 2;',
  ),
  mutant(
    'parts of different lengths are joined',
    `${C}join-parts.ts`,
    'if (held.completeBytes !== came.completeBytes || !adjoins(held, came)) return null;',
    'if (!adjoins(held, came)) return null;',
  ),
  mutant(
    'the rest is asked for without If-Range',
    `${C}parts.ts`,
    "if (tag !== null && !tag.weak) asked.push(['if-range', fieldLines(fields, 'etag')[0] ?? '']);\n  else if (",
    'if (tag !== null && !tag.weak) asked.push();\n  else if (',
  ),
  mutant(
    'a Content-Range that contradicts itself is believed',
    'core/http/ranges.ts',
    'return first <= last && last < completeBytes ? { first, last, completeBytes } : null;',
    'return { first, last, completeBytes };',
  ),
  mutant(
    'an error about a range is stored',
    `${C}parts.ts`,
    "return status === 200 && isReadable ? null : 'range';",
    'return null;',
  ),
  mutant(
    'a 206 that nobody asked for is stored',
    `${C}storable.ts`,
    "if ((status === 206) !== (context.part !== null)) return notStored('status');",
    '',
  ),
  mutant(
    'one cookie’s page is offered to another',
    `${C}offer-variants.ts`,
    "if (stored.vary.some(([name]) => name === 'cookie' || name === 'authorization')) return false;",
    '',
  ),
  mutant(
    'a coding that was not asked for is offered',
    `${C}offer-variants.ts`,
    "return coding === undefined || asksFor(coding, fieldValue(fields, 'accept-encoding') ?? '');",
    'return true;',
  ),
  mutant(
    'a 304 without a tag is passed on although our tags went along',
    `${C}offer-variants.ts`,
    "return theirs !== null && tags !== '*' && (tags ?? []).some((tag) => weakMatch(tag, theirs));",
    "return tags !== '*' && (tags ?? []).some((tag) => theirs === null || weakMatch(tag, theirs));",
  ),
  mutant(
    'a POST answers a GET wherever its Content-Location leads',
    `${C}post-answer.ts`,
    "return named?.type === 'target' && named.canonicalUrl === target.canonicalUrl;",
    "return named?.type === 'target';",
  ),
  mutant(
    'a POST answers a GET for a guessed time',
    `${C}post-answer.ts`,
    'const explicit = { ...policy, heuristics: false, defaultTtlSeconds: 0, statusTtlSeconds: {} };',
    'const explicit = policy;',
  ),
];
