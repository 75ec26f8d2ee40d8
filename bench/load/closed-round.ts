// Load in a closed loop: every connection asks again as soon as it has its answer. It says how much a server can do, and
// nothing of how long users wait: a server that is slow is asked less.
import { type Asked, wireRequestsOf } from './asked.ts';
import { ConnectionPool, type WireRequest } from './connection-pool.ts';

export interface ClosedOrder extends Asked {
  readonly connections: number;
  readonly ms: number;
}

export interface ClosedResult {
  readonly requests: number;
  /** Requests without a whole 2xx. */
  readonly failures: number;
  readonly bodyBytes: number;
  readonly elapsedMs: number;
  /** Of this process, for each request: far below the time that a request takes, or the load is what was measured. */
  readonly loadCpuMicros: number;
}

export async function closedRound(order: ClosedOrder): Promise<ClosedResult> {
  const { url, connections, ms } = order;
  const wire = wireRequestsOf(order);
  const pool = new ConnectionPool(url, connections);
  const counts = { requests: 0, failures: 0, bodyBytes: 0 };
  let next = 0;
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  const isOver = () => performance.now() - startedAt >= ms;
  const connection = () =>
    new Promise<void>((resolve) => {
      const ask = (): void => {
        pool.send(wire[next++ % wire.length] as WireRequest, (status, bodyBytes) => {
          counts.requests++;
          counts.bodyBytes += bodyBytes;
          const isGood = status !== null && status >= 200 && status <= 299;
          if (!isGood) counts.failures++;
          if (isOver()) resolve();
          else if (isGood) ask();
          // Not within the same turn: a server that refuses everything would leave room for nothing else.
          else setImmediate(ask);
        });
      };
      ask();
    });
  await Promise.all(Array.from({ length: connections }, connection));
  const elapsedMs = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpu);
  pool.close();
  return { ...counts, elapsedMs, loadCpuMicros: (user + system) / counts.requests };
}
