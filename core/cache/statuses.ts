// What is known of status codes, as far as storing asks.

/** RFC 9110 §15.1 without 206: storable also where the response says nothing of its freshness. */
export const HEURISTICALLY_CACHEABLE: ReadonlySet<number> = new Set([
  200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501,
]);

/**
 * Codes whose caching rules this cache implements (RFC 9111 §5.2.2.3 `must-understand`): final ones of RFC 9110 that
 * ask for nothing beyond the general rules, and 206, whose rules stand in parts.ts.
 */
export const UNDERSTOOD: ReadonlySet<number> = new Set([
  ...HEURISTICALLY_CACHEABLE,
  201,
  202,
  205,
  206,
  302,
  303,
  307,
  400,
  401,
  402,
  403,
  406,
  407,
  408,
  409,
  411,
  412,
  413,
  415,
  416,
  417,
  421,
  422,
  426,
  500,
  502,
  503,
  504,
  505,
]);
