// Load at a fixed rate, whatever the answers take: requests begin when their time has come and nobody waits for the
// one before. One client, connections kept.
import { Agent, request as httpRequest } from 'node:http';

export interface OpenLoop {
  /** Begins so many requests a second until `stop`. */
  readonly perSecond: number;
  readonly url: string;
  /** A function gets the running number of the request, from 0. */
  readonly path?: string | ((n: number) => string);
  readonly method?: string;
  /** Sent with each request. */
  readonly body?: string;
}

export interface LoopRequest {
  /** Epoch ms of its beginning. */
  readonly at: number;
  /** Null for a connection or body that failed. */
  readonly status: number | null;
  /** Until the end of the body. */
  readonly tookMs: number;
}

export interface LoopResult {
  /** In the order of their ends. */
  readonly requests: readonly LoopRequest[];
}

export interface RunningLoop {
  /** Ends it and waits for the answers that are still out. */
  stop(): Promise<LoopResult>;
}

const TICK_MS = 5;

export function startLoop({ perSecond, url, path = '/', method = 'GET', body }: OpenLoop): RunningLoop {
  const { hostname, port } = new URL(url);
  const agent = new Agent({ keepAlive: true });
  const pathOf = typeof path === 'string' ? () => path : path;
  const requests: LoopRequest[] = [];
  const running = new Set<Promise<void>>();
  const startedAt = performance.now();
  let begun = 0;

  const begin = (): void => {
    const at = Date.now();
    const beganAt = performance.now();
    const one = new Promise<void>((resolve) => {
      const end = (status: number | null): void => {
        requests.push({ at, status, tookMs: performance.now() - beganAt });
        resolve();
      };
      const sent = httpRequest({ hostname, port, method, path: pathOf(begun), agent }, (response) => {
        response.on('data', () => {});
        response.on('end', () => end(response.complete ? (response.statusCode ?? null) : null));
        response.on('error', () => end(null));
      });
      sent.on('error', () => end(null));
      sent.end(body);
    });
    running.add(one);
    void one.then(() => running.delete(one));
  };
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startedAt) / 1_000) * perSecond);
    for (; begun < due; begun++) begin();
  }, TICK_MS);
  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(running);
      agent.destroy();
      return { requests };
    },
  };
}
