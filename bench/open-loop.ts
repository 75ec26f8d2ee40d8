// Load at a fixed rate, whatever the answers take: nobody waits for the one before, and how long a request takes counts
// from when it was due. Counted from when it was sent, a server that stalls would keep those out of the figures that its
// stall keeps waiting: coordinated omission (Tene, "How NOT to measure latency", 2013).
import { type Arrivals, dueTimes } from './load/arrivals.ts';
import { ConnectionPool, wireRequest } from './load/connection-pool.ts';
import { monotonicMs, startMetronome } from './load/metronome.ts';

export interface OpenLoop {
  /** So many requests a second are due until `stop`. */
  readonly perSecond: number;
  /** Without a path. */
  readonly url: string;
  /** A function gets the running number of the request, from 0. */
  readonly path?: string | ((n: number) => string);
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent with each request. */
  readonly body?: string | Buffer;
  /** By default at equal distances. */
  readonly seed?: Arrivals['seed'];
  /** Requests beyond wait for one that ends. Default: no limit. */
  readonly connectionsMax?: number;
}

export interface LoopRequest {
  /** Epoch ms when it was due. */
  readonly at: number;
  /** Null for a connection or body that failed. */
  readonly status: number | null;
  /** From when it was due until the end of the body. */
  readonly tookMs: number;
  /** From when it was due until the load itself got to it. */
  readonly lateMs: number;
}

export interface LoopResult {
  /** In the order of their ends. */
  readonly requests: readonly LoopRequest[];
}

export interface RunningLoop {
  /** Resolves with the first request. */
  readonly started: Promise<void>;
  /** Ends it and waits for the answers that are still out, at most so long (default: 30 s): then they have failed. */
  stop(patienceMs?: number): Promise<LoopResult>;
}

const PATIENCE_MS = 30_000;

export function startLoop(options: OpenLoop): RunningLoop {
  const { perSecond, url, path = '/', method = 'GET', headers, body, seed = 'even' } = options;
  const pool = new ConnectionPool(url, options.connectionsMax ?? Number.POSITIVE_INFINITY);
  const { host } = new URL(url);
  const requestFor = (at: string) =>
    wireRequest(host, { method, path: at, ...(headers ? { headers } : {}), ...(body ? { body } : {}) });
  const always = typeof path === 'string' ? requestFor(path) : null;
  const requestOf = (n: number) => always ?? requestFor((path as (n: number) => string)(n));

  const requests: LoopRequest[] = [];
  const arrivals: Arrivals = { perSecond, seed };
  const times = dueTimes(arrivals);
  let begun = 0;
  const { promise: started, resolve: onFirst } = Promise.withResolvers<void>();
  let onLast: (() => void) | null = null;
  const epochAtZero = Date.now() - monotonicMs();
  const begin = (startAt: number): void => {
    const dueAt = startAt + times.next().value;
    const at = epochAtZero + dueAt;
    const lateMs = monotonicMs() - dueAt;
    pool.send(requestOf(begun++), (status) => {
      requests.push({ at, status, tookMs: monotonicMs() - dueAt, lateMs });
      if (requests.length === begun) onLast?.();
    });
  };
  const metronome = startMetronome(arrivals, (count, startAt) => {
    while (begun < count) begin(startAt);
    onFirst();
  });
  return {
    started,
    async stop(patienceMs = PATIENCE_MS) {
      metronome.stop();
      await new Promise<void>((resolve) => {
        onLast = resolve;
        if (requests.length === begun) return resolve();
        setTimeout(resolve, patienceMs).unref();
      });
      // Whoever has no answer now gets none.
      pool.close();
      return { requests };
    },
  };
}
