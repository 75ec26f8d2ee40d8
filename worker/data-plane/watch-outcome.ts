// What the data plane learns about a backend from each attempt: measured for the strategies that go by load, counted by
// the outlier detector, told as an event when it takes the backend out, and put before the monitor when it is a sign
// that the backend may be down for everybody.
import { type AttemptOutcome, outcomeOfStatus } from '../../core/load-balancing/attempt-outcome.ts';
import { verdictOf } from './ejections.ts';
import { noteProof } from './note-proof.ts';
import type { RuntimeBackend, RuntimePool } from './pool-registry.ts';
import { suspect } from './suspect.ts';
import type { Visit } from './visit.ts';

/** How an attempt ended, as fetch-origin.ts has it. */
export type AttemptEnd =
  | { readonly type: 'answered'; readonly response: { readonly status: number } }
  | {
      readonly type: 'failed';
      readonly code: 'origin-unreachable' | 'origin-protocol' | 'origin-timeout';
      readonly detail: string;
    };

export function watchOutcome(
  visit: Visit,
  pool: RuntimePool,
  backend: RuntimeBackend,
  end: AttemptEnd,
  requestedAt: number,
): void {
  const { edge, context, snapshot } = visit;
  const nowMs = edge.now();
  const outcome = outcomeOf(visit, pool, end, nowMs - requestedAt);
  if (outcome !== 'edge-error') backend.state.meter.record(nowMs - requestedAt, outcome !== 'success', nowMs);
  noteProof(visit, pool, backend.id, outcome, end.type === 'answered' ? end.response.status : null, nowMs);
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
  if (outcome === 'local-error' || outcome === 'gateway-error') {
    suspect(visit, pool, backend.id, signOf(end), false);
  }
}

function signOf(end: AttemptEnd): string {
  return end.type === 'answered' ? `status ${end.response.status}` : end.code;
}

/** Timers may fire this much before their time. */
const TIMER_SLACK_MS = 10;

function outcomeOf(visit: Visit, pool: RuntimePool, end: AttemptEnd, elapsedMs: number): AttemptOutcome {
  if (end.type === 'answered') return outcomeOfStatus(end.response.status);
  switch (end.code) {
    case 'origin-timeout': {
      // What is left of a request's time after a first attempt may be too short for any backend.
      const { attemptMs, totalMs } = pool.config.timeouts;
      const hadItsTime = elapsedMs + TIMER_SLACK_MS >= Math.min(attemptMs, totalMs);
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
