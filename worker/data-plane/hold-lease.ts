// Whoever fetches for all that wait says so while it lasts, and goes on when its own client leaves: a lease of which
// nothing is heard ends after a few seconds, and somebody else begins.
import { asksForRange } from '../../core/cache/bypass.ts';
import type { FillToken } from '../../core/replication/commands.ts';
import type { Visit } from './visit.ts';

/** Well below the life of a lease that nobody renews (core/replication/limits). */
const RENEW_EVERY_MS = 1_500;

/** A request for a part has a token and no lease: nobody waits for it. */
export function holdsLease({ request, fields }: Visit): boolean {
  return request.method === 'GET' && !asksForRange({ method: request.method, fields });
}

interface Leased {
  readonly key: string;
  readonly lease: FillToken | null;
}

/** Until the returned function is called; the request lives so long, also without its client. */
export function holdLease(visit: Visit, { key, lease }: Leased): () => void {
  if (lease === null || !holdsLease(visit)) return () => {};
  const { edge, snapshot, context } = visit;
  let timer: ReturnType<typeof setTimeout>;
  let letGo = (): void => {};
  context.waitUntil(
    new Promise<void>((resolve) => {
      letGo = resolve;
    }),
  );
  const renewLater = (): void => {
    timer = setTimeout(() => {
      edge.shards.renew(snapshot.shardMap, key, lease).catch(() => {});
      renewLater();
    }, RENEW_EVERY_MS);
  };
  renewLater();
  return () => {
    clearTimeout(timer);
    letGo();
  };
}

/** To be called with every piece of the body that has come: silence ends the lease. */
export function reportProgress(visit: Visit, key: string, token: FillToken): () => void {
  if (!holdsLease(visit)) return () => {};
  const { edge, snapshot, context } = visit;
  let toldAt = edge.now();
  return () => {
    const nowMs = edge.now();
    if (nowMs - toldAt < RENEW_EVERY_MS) return;
    toldAt = nowMs;
    context.waitUntil(edge.shards.renew(snapshot.shardMap, key, token));
  };
}
