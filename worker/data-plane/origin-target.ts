// The target as one backend gets it: the route's prefix changes, then the backend's base path; every other byte as
// the client sent it.

export interface PrefixRules {
  readonly stripPathPrefix: string;
  readonly addPathPrefix: string;
}

/** `pathAndQuery` starts with "/" and holds no dot segments; so does the answer. */
export function originTarget(pathAndQuery: string, rules: PrefixRules, basePath: string): string {
  return (
    basePath + trimSlash(rules.addPathPrefix) + stripPrefix(pathAndQuery, trimSlash(rules.stripPathPrefix))
  );
}

/** A prefix is taken off only where a segment ends: "/api" leaves "/apiary" alone. */
function stripPrefix(pathAndQuery: string, prefix: string): string {
  if (prefix === '' || !pathAndQuery.startsWith(prefix)) return pathAndQuery;
  const rest = pathAndQuery.slice(prefix.length);
  if (rest === '') return '/';
  if (rest.startsWith('/')) return rest;
  return rest.startsWith('?') ? `/${rest}` : pathAndQuery;
}

function trimSlash(prefix: string): string {
  return prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
}

/**
 * True for what the runtime's fetch sends as it stands. Its URL parser re-encodes some characters that clients do
 * send raw (WHATWG URL: the path and special-query percent-encode sets, and everything beyond ASCII).
 */
export function isSentUnchanged(pathAndQuery: string): boolean {
  return !RE_ENCODED.test(pathAndQuery);
}

// Beyond ASCII and these three anywhere; four more in the path; the apostrophe in the query. Linear: no two runs meet.
const RE_ENCODED = /[^\x21-\x7e]|["<>]|^[^?]*[\^`{}]|^[^?]*\?[^']*'/;
