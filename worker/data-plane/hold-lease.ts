// Whoever fetches for all that wait says so while it lasts, and goes on when its own client leaves: a lease of which
// nothing is heard ends after a few seconds, and somebody else begins. The requests of its isolate are told in memory.
import { asksForRange } from '../../core/cache/bypass.ts';
import { Holding } from '../../core/cache/holding.ts';
import type { FillToken } from '../../core/replication/commands.ts';
import { fetchIdOf } from '../../core/replication/fetch-id.ts';
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
  const { edge } = visit;
  const holding = new Holding(fetchIdOf(lease), edge.now());
  edge.flights.hold(key, holding, edge.now());
  const letGo = keepLease(visit, key, lease, () => holding.goesOn(edge.now()));
  return () => {
    // What it has shared, whoever stores it ends (fill.ts).
    if (holding.answer === null) holding.end();
    letGo();
  };
}

/** The same for a fetch that nobody has to wait for. */
export function holdLeaseAside(visit: Visit, { key, lease }: Leased): () => void {
  return lease === null || !holdsLease(visit) ? () => {} : keepLease(visit, key, lease, () => {});
}

function keepLease(
  { edge, snapshot, context }: Visit,
  key: string,
  lease: FillToken,
  goesOn: () => void,
): () => void {
  let timer: ReturnType<typeof setTimeout>;
  let letGo = (): void => {};
  context.waitUntil(
    new Promise<void>((resolve) => {
      letGo = resolve;
    }),
  );
  const renewLater = (): void => {
    timer = setTimeout(() => {
      goesOn();
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
