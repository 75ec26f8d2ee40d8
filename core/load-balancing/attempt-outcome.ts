// What one attempt at a backend says about it. The edge's own errors, errors of the connection and of the answer are
// told apart: each is counted by itself.

/**
 * `gateway-error` = 502, 503, 504 or silence; `server-error` = another 5xx; `local-error` = no HTTP answer at all;
 * `edge-error` = it says nothing about the backend.
 */
export type AttemptOutcome = 'success' | 'server-error' | 'gateway-error' | 'local-error' | 'edge-error';

/** 100–599. 52x and 530 are what the platform says in place of an origin that it cannot reach. */
export function outcomeOfStatus(status: number): AttemptOutcome {
  if (status < 500) return 'success';
  if (status === 502 || status === 503 || status === 504) return 'gateway-error';
  return status >= 520 && status <= 530 ? 'local-error' : 'server-error';
}
