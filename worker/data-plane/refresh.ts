// stale-while-revalidate (RFC 5861 §3): the client has its answer, and beside it one request of all edges asks the origin
// what comes next. It asks as the client that came by did, for nobody else's credentials would be right, but for the
// cache: conditions about the client's copy are left out.
import { hasValidator } from '../../core/cache/validators.ts';
import type { CacheForward, CacheHit } from './cache-lookup.ts';
import { forward } from './forward.ts';
import { holdLeaseAside } from './hold-lease.ts';
import { respondFromOrigin, respondFromStale } from './respond.ts';
import type { Visit } from './visit.ts';

/** Only whoever holds the lease does it. Before the hit's body is handed over: it may be needed once more. */
export function refreshInBackground(visit: Visit, hit: CacheHit): void {
  if (hit.refresh === null) return;
  const { stored, body, bodyBytes, refresh } = hit;
  // A body that streams belongs to the client; without it a confirmation would be of no use, and is not asked for.
  const mayBeConfirmed = body instanceof Uint8Array && bodyBytes > 0;
  const cached: CacheForward = {
    type: 'forward',
    key: refresh.key,
    forward: 'stale',
    reason: 'stale-while-revalidate',
    lease: refresh.lease,
    stale: mayBeConfirmed
      ? { stored, body, bodyBytes, mayBeConfirmed: hasValidator(stored.fields, stored.receivedAt) }
      : null,
    part: null,
    offered: [],
  };
  visit.context.waitUntil(renew(visit.forCache(), cached));
}

async function renew(visit: Visit, cached: CacheForward): Promise<void> {
  const letGo = holdLeaseAside(visit, cached);
  try {
    await renewHolding(visit, cached);
  } finally {
    letGo();
  }
}

async function renewHolding(visit: Visit, cached: CacheForward): Promise<void> {
  const outcome = await forward(visit, cached, visit.edge.now());
  if (outcome.type === 'failed') return;
  const response =
    outcome.type === 'from-stale'
      ? respondFromStale(visit, outcome)
      : await respondFromOrigin(visit, cached, outcome);
  // The copy for the shard is made while the body passes.
  await response.body?.pipeTo(new WritableStream()).catch(() => {});
}
