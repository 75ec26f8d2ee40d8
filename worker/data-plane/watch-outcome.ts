// What the data plane learns about a backend from each attempt: measured for the strategies that go by load, counted by
// the outlier detector, told as an event when it takes the backend out, and put before the monitor when it is a sign
// that the backend may be down for everybody. A failure counts when it is met; a success once the body has come whole.
import { type AttemptOutcome, outcomeOfStatus } from '../../core/load-balancing/attempt-outcome.ts';
import type { AttemptFailure } from './attempt.ts';
import { verdictOf } from './ejections.ts';
import { noteProof } from './note-proof.ts';
import type { RuntimeBackend, RuntimePool } from './pool-registry.ts';
import type { OriginBody } from './send-to-origin.ts';
import { suspect } from './suspect.ts';
import type { Visit } from './visit.ts';

/** How an attempt came to its head, or did not. */
export type HeadEnd =
  | { readonly type: 'answered'; readonly response: { readonly status: number } }
  | AttemptFailure;

/** What was sent, and when: epoch ms. */
export interface SentToOrigin {
  readonly at: number;
  readonly body: OriginBody;
}

/** What the origin did to its body: broke it off, or fell silent in it. */
export type BodyFault = 'broken' | 'silent';

/** Both in one, for whoever does not care for the body. */
export function watchOutcome(
  visit: Visit,
  pool: RuntimePool,
  backend: RuntimeBackend,
  end: HeadEnd,
  sent: SentToOrigin,
): AttemptOutcome {
  const seen = watchHead(visit, pool, backend, end, sent);
  watchBody(visit, pool, backend, seen, null);
  return seen;
}

/** The end of an attempt's wait for a head. Failures are counted. */
export function watchHead(
  visit: Visit,
  pool: RuntimePool,
  backend: RuntimeBackend,
  end: HeadEnd,
  sent: SentToOrigin,
  nowMs = visit.edge.now(),
): AttemptOutcome {
  const isUnsure = mayBeOfClient(end, sent);
  const outcome = isUnsure ? 'edge-error' : outcomeOf(visit, pool, end, nowMs - sent.at);
  if (outcome !== 'edge-error') backend.state.meter.record(nowMs - sent.at, outcome !== 'success', nowMs);
  noteProof(visit, pool, backend.id, outcome, end.type === 'answered' ? end.response.status : null, nowMs);
  if (outcome !== 'success') count(visit, pool, backend, outcome, signOf(end), nowMs);
  // Where the client may have done it the monitor is asked, which no client has a hand in.
  if (isUnsure && !visit.request.signal.aborted) suspect(visit, pool, backend.id, signOf(end), false);
  return outcome;
}

/** The end of a body whose head was seen as `head`. Successes are counted, and failures that show only here. */
export function watchBody(
  visit: Visit,
  pool: RuntimePool,
  backend: RuntimeBackend,
  head: AttemptOutcome,
  fault: BodyFault | null,
): void {
  if (head !== 'success') return;
  const nowMs = visit.edge.now();
  if (fault === null) {
    count(visit, pool, backend, 'success', '', nowMs);
    return;
  }
  backend.state.meter.fail(nowMs);
  const outcome = fault === 'broken' ? 'local-error' : 'gateway-error';
  noteProof(visit, pool, backend.id, outcome, null, nowMs);
  count(visit, pool, backend, outcome, `body ${fault}`, nowMs);
}

function count(
  visit: Visit,
  pool: RuntimePool,
  backend: RuntimeBackend,
  outcome: AttemptOutcome,
  sign: string,
  nowMs: number,
): void {
  const { edge, context, snapshot } = visit;
  const initial = pool.config.health?.initial ?? 'healthy';
  const isUsable = (id: string): boolean =>
    (verdictOf(snapshot, pool.name, id)?.state ?? initial) !== 'unhealthy';
  for (const detection of pool.state.outliers.record(backend.id, outcome, nowMs, isUsable)) {
    const { backend: id, cause, ejectedUntil } = detection;
    suspect(visit, pool, id, cause, true);
    if (ejectedUntil === null) continue;
    edge.telemetry.event(
      {
        at: nowMs,
        type: 'backend-ejected',
        subject: `${pool.name}/${id}`,
        detail: { pool: pool.name, backend: id, cause, until: ejectedUntil },
      },
      context,
    );
  }
  if (outcome === 'local-error' || outcome === 'gateway-error') suspect(visit, pool, backend.id, sign, false);
}

/**
 * No head has come, and the body went along as it came in: a client that stops in the middle of it, leaves or sends none
 * that can be read makes the same of any backend. Else anybody could have healthy ones taken out.
 */
function mayBeOfClient(end: HeadEnd, { body }: SentToOrigin): boolean {
  return body instanceof ReadableStream && end.type === 'failed' && end.code !== 'origin-protocol';
}

function signOf(end: HeadEnd): string {
  return end.type === 'answered' ? `status ${end.response.status}` : end.code;
}

/** Timers may fire this much before their time. */
const TIMER_SLACK_MS = 10;

function outcomeOf(visit: Visit, pool: RuntimePool, end: HeadEnd, elapsedMs: number): AttemptOutcome {
  if (end.type === 'answered') return outcomeOfStatus(end.response.status);
  switch (end.code) {
    case 'origin-timeout': {
      // What is left of a request's time after a first attempt may be too short for any backend.
      const { attemptMs, firstByteMs, totalMs } = pool.config.timeouts;
      const hadItsTime = elapsedMs + TIMER_SLACK_MS >= Math.min(attemptMs, firstByteMs, totalMs);
      return hadItsTime ? 'gateway-error' : 'edge-error';
    }
    case 'origin-unreachable':
      // A client that left mid-upload, and the platform's limit of fetches, fail in the same place.
      return visit.request.signal.aborted || /subrequest/i.test(end.detail) ? 'edge-error' : 'local-error';
    case 'origin-protocol':
      return 'local-error';
    default:
      end.code satisfies never;
      throw new Error(`Cannot judge an attempt that ended as ${String(end.code)}`);
  }
}
