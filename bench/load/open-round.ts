// Load at a fixed rate for a while, users coming at random: how long they wait.
import { startLoop } from '../open-loop.ts';
import { pause } from '../resilience/until.ts';
import { type Asked, bodyOf, pathsOf } from './asked.ts';

export interface OpenOrder extends Asked {
  readonly perSecond: number;
  /** When users come. */
  readonly seed: number;
  readonly connectionsMax: number;
  readonly ms: number;
}

export interface OpenResult {
  /** Of those with a whole 2xx, from when each was due. */
  readonly tookMs: readonly number[];
  /** The others, those included that had no answer two seconds after the end. */
  readonly failures: number;
  /** From when each was due until the load got to it: what is not the server's. */
  readonly lateMs: readonly number[];
}

const PATIENCE_MS = 2_000;

export async function openRound(order: OpenOrder): Promise<OpenResult> {
  const { url, method = 'GET', headers = {}, perSecond, seed, connectionsMax, ms } = order;
  const paths = pathsOf(order);
  const body = bodyOf(order);
  const loop = startLoop({
    url: new URL(url).origin,
    path: paths.length === 1 ? (paths[0] as string) : (n) => paths[n % paths.length] as string,
    method,
    headers,
    ...(body ? { body } : {}),
    perSecond,
    seed,
    connectionsMax,
  });
  await loop.started;
  await pause(ms);
  const { requests } = await loop.stop(PATIENCE_MS);
  const good = requests.filter(({ status }) => status !== null && status >= 200 && status <= 299);
  return {
    tookMs: good.map(({ tookMs }) => tookMs),
    failures: requests.length - good.length,
    lateMs: requests.map(({ lateMs }) => lateMs),
  };
}
