// Load in a closed loop, as a process of its own: every connection asks again as soon as it has its answer. Gets each
// round as a message and answers with what came of it.
import { Pool } from 'undici';

export interface RoundOrder {
  readonly url: string;
  /** Requests go in turn to so many addresses: `url` with 0, 1, … behind it. Default: `url` alone. */
  readonly addresses?: number;
  /** Default: GET. */
  readonly method?: 'GET' | 'PUT';
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes of each request's body. */
  readonly bodyBytes?: number;
  readonly connections: number;
  readonly ms: number;
}

export interface RoundResult {
  readonly requests: number;
  /** Requests without a whole 2xx. */
  readonly failures: number;
  readonly bodyBytes: number;
  readonly elapsedMs: number;
  /** Of this process, for each request: far below the time that a request takes, or the load is what was measured. */
  readonly loadCpuMicros: number;
}

async function round(order: RoundOrder): Promise<RoundResult> {
  const { url, addresses, method = 'GET', headers = {}, bodyBytes = 0, connections, ms } = order;
  const { origin, pathname, search } = new URL(url);
  const paths =
    addresses === undefined
      ? [pathname + search]
      : Array.from({ length: addresses }, (_, i) => `${pathname}${i}${search}`);
  const body = bodyBytes === 0 ? null : Buffer.alloc(bodyBytes, 'x');
  const pool = new Pool(origin, { connections, pipelining: 1 });
  let next = 0;
  const counts = { requests: 0, failures: 0, bodyBytes: 0 };
  const ask = () =>
    new Promise<void>((resolve) => {
      let status = 0;
      const end = (isWhole: boolean) => {
        counts.requests++;
        if (!isWhole || status < 200 || status > 299) counts.failures++;
        resolve();
      };
      pool.dispatch(
        { path: paths[next++ % paths.length] ?? '', method, headers, body },
        {
          onRequestStart: () => {},
          onResponseStart(_controller, code) {
            status = code;
          },
          onResponseData(_controller, chunk) {
            counts.bodyBytes += chunk.byteLength;
          },
          onResponseEnd: () => end(true),
          onResponseError: () => end(false),
        },
      );
    });
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  const connection = async () => {
    while (performance.now() - startedAt < ms) await ask();
  };
  await Promise.all(Array.from({ length: connections }, connection));
  const elapsedMs = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpu);
  await pool.close();
  return { ...counts, elapsedMs, loadCpuMicros: (user + system) / counts.requests };
}

process.on('message', (order: RoundOrder) => {
  void round(order).then((result) => process.send?.(result));
});
process.on('disconnect', () => process.exit());
