// One request of the data plane, its steps in order: target, configuration, route, cache, origin, response. What each
// step can answer has a name; the same words stand in Cache-Status, in the counters and in `explain`. Up to the cache's
// answer, and with what the isolate remembers up to the response, nothing is waited for unless it has to be.

import { routeTableOf } from '../../core/config/route-table.ts';
import { hasOwnCdnId } from '../../core/http/cdn-loop.ts';
import type { Fields } from '../../core/http/fields.ts';
import type { Target } from '../../core/http/target.ts';
import type { Edge, EdgeSnapshot } from '../edge.ts';
import { acceptTarget } from './accept-target.ts';
import { type CacheAnswer, lookUp } from './cache-lookup.ts';
import { type EdgeError, edgeError } from './edge-error.ts';
import { cacheDecisionOf, placeOf } from './explained.ts';
import { forward } from './forward.ts';
import { fieldsOf } from './headers.ts';
import { holdLease } from './hold-lease.ts';
import { refreshInBackground } from './refresh.ts';
import { respondFromCache, respondFromOrigin, respondFromStale } from './respond.ts';
import { explainToken, recordAsSample, recordByToken, tellExplainId } from './start-record.ts';
import { type Tally, Visit } from './visit.ts';
import { whenKnown } from './when-known.ts';

/** What every step may look at before there is a visit. */
interface Opening {
  readonly request: Request;
  readonly edge: Edge;
  readonly context: ExecutionContext;
  readonly startedAt: number;
  readonly received: Fields;
  readonly tally: Tally;
}

type Answer = Response | EdgeError;

/** At once where nothing has to be waited for. */
export function handleRequest(
  request: Request,
  edge: Edge,
  context: ExecutionContext,
): Response | Promise<Response> {
  const startedAt = edge.now();
  const tally: Tally = { route: '', pool: '', backend: '', cache: 'none', record: null };
  const opening: Opening = { request, edge, context, startedAt, received: fieldsOf(request.headers), tally };
  let answer: Answer | Promise<Answer>;
  try {
    answer = decide(opening);
  } catch (cause) {
    answer = unknownCondition(cause);
  }
  if (answer instanceof Promise) {
    return answer.catch(unknownCondition).then((later) => counted(opening, later, edge.now()));
  }
  // Within one turn no time passes.
  return counted(opening, answer, startedAt);
}

function unknownCondition(cause: unknown): EdgeError {
  console.error('roundel: a request failed in the edge', cause);
  return { code: 'internal', detail: 'The edge met a condition that it does not know' };
}

function counted(
  { request, edge, context, startedAt, tally }: Opening,
  answer: Answer,
  endedAt: number,
): Response {
  const { route, pool, backend, cache, record } = tally;
  const response =
    answer instanceof Response ? answer : edgeError(request, record?.id ?? edge.newRequestId(), answer);
  const { status } = response;
  const durationMs = endedAt - startedAt;
  edge.telemetry.request({ route, pool, backend, cache, status, endedAt, durationMs }, context);
  if (record) {
    if (!(answer instanceof Response)) record.failed(answer.code);
    edge.telemetry.explanation(record.explanation(response, endedAt), context);
    tellExplainId(record, response);
  }
  return response;
}

function decide(opening: Opening): Answer | Promise<Answer> {
  const { request, edge, context, startedAt, received, tally } = opening;
  const token = explainToken(received);
  const recording = token === undefined ? null : recordByToken(edge, request, token, startedAt);
  return whenKnown(recording, (record) => {
    tally.record = record;
    const target = acceptTarget(request, received, edge.targetOf);
    if (target.type !== 'target') return target.error;
    return whenKnown(edge.snapshots.current(context, startedAt), (snapshot) =>
      snapshot === null ? NO_CONFIG : atRoute(opening, target, snapshot),
    );
  });
}

const NO_CONFIG: EdgeError = {
  code: 'no-config',
  detail: 'Cannot route: the directory has not answered yet',
};

function atRoute(opening: Opening, target: Target, snapshot: EdgeSnapshot): Answer | Promise<Answer> {
  const { request, edge, startedAt, received, tally } = opening;
  const { method } = request;
  const route = routeTableOf(snapshot.config).match(target.host, target.path, method);
  if (route) tally.record ??= recordAsSample(edge, request, route, startedAt);
  tally.record?.routed(snapshot, route?.id ?? null);
  if (!route) return { code: 'no-route', detail: `Cannot route ${method} ${target.canonicalUrl}` };
  tally.route = route.id;
  if (hasOwnCdnId(received))
    return { code: 'loop', detail: 'Cannot forward: it has passed this edge before' };
  const visit = new Visit({ ...opening, target, snapshot, route, method });
  tally.record?.follow(visit);
  const looked = lookUp(visit);
  return whenKnown(looked, (cached) => {
    tally.record?.cached(placeOf(edge, snapshot, target, route), cacheDecisionOf(method, cached));
    if (cached.type === 'hit') {
      refreshInBackground(visit, cached);
      return respondFromCache(visit, cached, looked instanceof Promise ? edge.now() : startedAt);
    }
    if (cached.type === 'not-cached') return { code: 'not-cached', detail: cached.detail };
    return askOrigin(visit, cached, looked instanceof Promise ? edge.now() : startedAt);
  });
}

async function askOrigin(
  visit: Visit,
  cached: Exclude<CacheAnswer, { type: 'hit' | 'not-cached' }>,
  nowMs: number,
): Promise<Answer> {
  const letGo = cached.type === 'forward' ? holdLease(visit, cached) : null;
  try {
    const origin = await forward(visit, cached, nowMs);
    if (origin.type === 'failed') return origin.error;
    if (origin.type === 'from-stale') return respondFromStale(visit, origin);
    return await respondFromOrigin(visit, cached, origin);
  } finally {
    letGo?.();
  }
}
