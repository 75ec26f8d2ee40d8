// One request of the data plane, its steps in order: target, configuration, route, cache, origin, response. What each
// step can answer has a name; the same words stand in Cache-Status, in the counters and in `explain`.

import { routeTableOf } from '../../core/config/route-table.ts';
import type { Edge } from '../edge.ts';
import { acceptTarget } from './accept-target.ts';
import { lookUp } from './cache-lookup.ts';
import { clientAddress } from './client-address.ts';
import { withoutAffinityCookies } from './client-affinity.ts';
import { type EdgeError, edgeError } from './edge-error.ts';
import { cacheDecisionOf, placeOf } from './explained.ts';
import { forward } from './forward.ts';
import { fieldsOf } from './headers.ts';
import { holdLease } from './hold-lease.ts';
import { isWebSocketHandshake, outboundFields } from './outbound-fields.ts';
import { refreshInBackground } from './refresh.ts';
import { respondFromCache, respondFromOrigin, respondFromStale } from './respond.ts';
import { explainToken, recordAsSample, recordByToken, tellExplainId } from './start-record.ts';
import type { Tally, Visit } from './visit.ts';

export async function handleRequest(
  request: Request,
  edge: Edge,
  context: ExecutionContext,
): Promise<Response> {
  const startedAt = edge.now();
  const tally: Tally = { route: '', pool: '', backend: '', cache: 'none', record: null };
  let answer: Response | EdgeError;
  try {
    answer = await decide(request, edge, context, tally, startedAt);
  } catch (cause) {
    console.error('roundel: a request failed in the edge', cause);
    answer = { code: 'internal', detail: 'The edge met a condition that it does not know' };
  }
  const { route, pool, backend, cache, record } = tally;
  const response =
    answer instanceof Response ? answer : edgeError(request, record?.id ?? edge.newRequestId(), answer);
  const { status } = response;
  const endedAt = edge.now();
  const durationMs = endedAt - startedAt;
  edge.telemetry.request({ route, pool, backend, cache, status, endedAt, durationMs }, context);
  if (record) {
    if (!(answer instanceof Response)) record.failed(answer.code);
    edge.telemetry.explanation(record.explanation(response, endedAt), context);
    tellExplainId(record, response);
  }
  return response;
}

async function decide(
  request: Request,
  edge: Edge,
  context: ExecutionContext,
  tally: Tally,
  startedAt: number,
): Promise<Response | EdgeError> {
  const received = fieldsOf(request.headers);
  const token = explainToken(received);
  if (token !== undefined) tally.record = await recordByToken(edge, request, token, startedAt);
  const target = acceptTarget(request, received);
  if (target.type !== 'target') return target.error;

  const known = edge.snapshots.current(context);
  const snapshot = known instanceof Promise ? await known : known;
  if (!snapshot) return { code: 'no-config', detail: 'Cannot route: the directory has not answered yet' };

  const route = routeTableOf(snapshot.config).match(target.host, target.path, request.method);
  if (route) tally.record ??= recordAsSample(edge, request, route, startedAt);
  tally.record?.routed(snapshot, route?.id ?? null);
  if (!route) return { code: 'no-route', detail: `Cannot route ${request.method} ${target.canonicalUrl}` };
  tally.route = route.id;
  const clientIp = clientAddress(request, received);
  const outbound = outboundFields(route, target, received, clientIp);
  if (outbound.type === 'loop')
    return { code: 'loop', detail: 'Cannot forward: it has passed this edge before' };
  const fields = withoutAffinityCookies(snapshot.config, outbound.fields);
  const isUpgrade = isWebSocketHandshake(received);
  const visit: Visit = {
    request,
    edge,
    context,
    snapshot,
    target,
    route,
    received,
    fields,
    isUpgrade,
    clientIp,
    tally,
    affinity: null,
    session: null,
    attempts: null,
  };

  const { record } = tally;
  record?.follow(visit);
  const looked = lookUp(visit);
  const cached = looked instanceof Promise ? await looked : looked;
  record?.cached(placeOf(edge, snapshot, target, route), cacheDecisionOf(request.method, cached));
  if (cached.type === 'hit') {
    refreshInBackground(visit, cached);
    return respondFromCache(visit, cached);
  }
  if (cached.type === 'not-cached') return { code: 'not-cached', detail: cached.detail };

  const letGo = cached.type === 'forward' ? holdLease(visit, cached) : null;
  try {
    const origin = await forward(visit, cached);
    if (origin.type === 'failed') return origin.error;
    if (origin.type === 'from-stale') return respondFromStale(visit, origin);
    return await respondFromOrigin(visit, cached, origin);
  } finally {
    letGo?.();
  }
}
