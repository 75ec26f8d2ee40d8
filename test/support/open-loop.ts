// Load at a fixed rate, whatever the answers take: requests begin when their time has come and nobody waits for the
// one before. One client, connections kept.
import { Agent, request as httpRequest } from 'node:http';

export interface OpenLoop {
  /** Begins so many requests a second until `stop`. */
  readonly perSecond: number;
  readonly url: string;
  readonly path?: string;
}

export interface LoopResult {
  /** Epoch ms of its beginning; status, or null for a connection or body that failed. */
  readonly requests: readonly {
    readonly at: number;
    readonly status: number | null;
    readonly tookMs: number;
  }[];
}

export interface RunningLoop {
  /** Ends it and waits for the answers that are still out. */
  stop(): Promise<LoopResult>;
}

export function startLoop({ perSecond, url, path = '/' }: OpenLoop): RunningLoop {
  const { hostname, port } = new URL(url);
  const agent = new Agent({ keepAlive: true });
  const requests: { at: number; status: number | null; tookMs: number }[] = [];
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
      const sent = httpRequest({ hostname, port, path, agent }, (response) => {
        response.on('data', () => {});
        response.on('end', () => end(response.complete ? (response.statusCode ?? null) : null));
        response.on('error', () => end(null));
      });
      sent.on('error', () => end(null));
      sent.end();
    });
    running.add(one);
    void one.then(() => running.delete(one));
  };
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startedAt) / 1_000) * perSecond);
    for (; begun < due; begun++) begin();
  }, 5);
  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(running);
      agent.destroy();
      return { requests };
    },
  };
}
