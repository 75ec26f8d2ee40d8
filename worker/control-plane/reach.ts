// Calls to other objects: waited for with a bound, and a failure is a 503 that says what could not be reached.
import type { DirectoryRpc, ShardMap } from '../../durable-objects/interfaces/directory.ts';
import type { EdgeSnapshot } from '../edge.ts';
import type { Call } from './operation.ts';
import { Problem, type ProblemCode } from './problem.ts';

const RETRY_AFTER = { 'retry-after': '1' };

/** `action`: what the call was for, "read the configuration". Throws a problem of `code` on failure or timeout. */
export async function reach<T>(
  code: ProblemCode,
  action: string,
  timeoutMs: number,
  ask: () => Promise<T>,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([ask(), timeout]);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Problem(code, `Cannot ${action}: ${why}`, { headers: RETRY_AFTER });
  } finally {
    clearTimeout(timer);
  }
}

const DIRECTORY_TIMEOUT_MS = 10_000;

export function askDirectory<T>(
  call: Pick<Call<unknown, unknown>, 'edge'>,
  action: string,
  ask: (directory: DirectoryRpc) => Promise<T>,
): Promise<T> {
  return reach('directory-unavailable', action, DIRECTORY_TIMEOUT_MS, () => ask(call.edge.directory()));
}

/** What the edge routes by; 503 when this isolate has none yet. */
export async function snapshotOf(
  call: Pick<Call<unknown, unknown>, 'edge' | 'context'>,
): Promise<EdgeSnapshot> {
  const snapshot = await call.edge.snapshots.current(call.context);
  if (snapshot) return snapshot;
  throw new Problem('no-config', 'Cannot answer: this edge has not reached the directory yet', {
    headers: RETRY_AFTER,
  });
}

export async function shardMapOf(call: Pick<Call<unknown, unknown>, 'edge' | 'context'>): Promise<ShardMap> {
  return (await snapshotOf(call)).shardMap;
}
