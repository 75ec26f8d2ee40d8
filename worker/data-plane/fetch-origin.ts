// Gets the response of an origin: one attempt after the other over the pool's order, each bounded in time, until one
// answers or nothing more may be tried. A failed connection may be repeated only where repeating does no harm
// (RFC 9110 §9.2.2) and no body was given away: in this runtime a refused connection, a reset and garbage look alike.
import type { Fields } from '../../core/http/fields.ts';
import { chooseBackend } from './choose-backend.ts';
import type { EdgeError } from './edge-error.ts';
import { Http1ProtocolError } from './http1-message.ts';
import { originTarget } from './origin-target.ts';
import type { RuntimeBackend, RuntimePool } from './pool-registry.ts';
import { bodyOf, type OriginResponse, sendToOrigin } from './send-to-origin.ts';
import { tellPanic } from './tell-panic.ts';
import type { Visit } from './visit.ts';
import { watchOutcome } from './watch-outcome.ts';

export type OriginOutcome =
  | {
      readonly type: 'answered';
      readonly response: OriginResponse;
      readonly pool: RuntimePool;
      readonly backend: RuntimeBackend;
      /** Epoch ms: when the attempt that answered was sent, and when its head was there. */
      readonly requestedAt: number;
      readonly receivedAt: number;
      readonly patience: Patience;
      /** When nothing more is read from it; a second call does nothing. */
      done(): void;
    }
  | { readonly type: 'failed'; readonly error: EdgeError };

/** What is left of the attempt's time when its head is there, on the same timer. */
export interface Patience {
  /** Resolves when that time is over. */
  readonly isOver: Promise<null>;
  stop(): void;
}

/** RFC 9110 §9.2.2, without those that carry a body as a rule; a body excludes a repetition anyway. */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

const NO_BACKEND_RETRY_AFTER_SECONDS = 1;
/** Of one backend and isolate: counters tell how many failed, events tell what happened. */
const FAILURE_EVENT_EVERY_MS = 1_000;

/** `fields` as made for origins. Rejects never. */
export async function fetchOrigin(visit: Visit, pool: RuntimePool, fields: Fields): Promise<OriginOutcome> {
  const { edge, request, received, target, route } = visit;
  const { totalMs, attemptMs } = pool.config.timeouts;
  const mayRepeat = IDEMPOTENT.has(request.method) && bodyOf(request) === null;
  const attemptsMax = mayRepeat ? pool.config.retry.attemptsMax : 1;
  const deadlineAt = edge.now() + totalMs;
  const tried: number[] = [];
  let failure: EdgeError | null = null;

  for (let attempt = 1; ; attempt++) {
    const choice = chooseBackend(visit, pool, tried, edge.now());
    // The first failure says more than that nobody else is left.
    if (choice.type === 'no-backend') return { type: 'failed', error: failure ?? noBackend(choice.detail) };
    const { backend } = choice;
    if (choice.panic) tellPanic(visit, pool, backend, choice.panic);
    tried.push(choice.index);
    visit.tally.backend = backend.id;
    backend.state.inFlight++;
    const requestedAt = edge.now();
    const limitMs = Math.max(1, Math.min(attemptMs, deadlineAt - requestedAt));
    const outcome = await attemptOnce(limitMs, (signal) =>
      sendToOrigin({
        request,
        received,
        backend,
        target: originTarget(target.pathAndQuery, route.request, backend.basePath),
        fields,
        signal,
      }),
    );
    watchOutcome(visit, pool, backend, outcome, requestedAt);
    if (outcome.type === 'answered') {
      const { response, patience } = outcome;
      const done = once(() => {
        patience.stop();
        backend.state.inFlight--;
      });
      const receivedAt = edge.now();
      return {
        type: 'answered',
        response,
        pool,
        backend,
        requestedAt,
        receivedAt,
        patience,
        done,
      };
    }
    backend.state.inFlight--;
    failure = { code: outcome.code, detail: `${nameOf(pool, backend)}: ${outcome.detail}` };
    reportFailure(visit, pool, backend, failure);
    const isLast = attempt === attemptsMax || edge.now() >= deadlineAt;
    if (isLast || outcome.code !== 'origin-unreachable') return { type: 'failed', error: failure };
  }
}

type AttemptOutcome =
  | { readonly type: 'answered'; readonly response: OriginResponse; readonly patience: Patience }
  | {
      readonly type: 'failed';
      readonly code: 'origin-unreachable' | 'origin-protocol' | 'origin-timeout';
      readonly detail: string;
    };

/** The time limit is for the head; a body has its own (relay-body.ts). */
async function attemptOnce(
  limitMs: number,
  send: (signal: AbortSignal) => Promise<OriginResponse>,
): Promise<AttemptOutcome> {
  const controller = new AbortController();
  let end = () => controller.abort();
  const timer = setTimeout(() => end(), limitMs);
  const stop = () => clearTimeout(timer);
  try {
    const response = await send(controller.signal);
    // The runtime refuses to pass these on.
    if ((response.status < 200 || response.status > 599) && !response.webSocket) {
      stop();
      await response.body?.cancel().catch(() => {});
      const detail = `its status ${response.status} is none of HTTP`;
      return { type: 'failed', code: 'origin-protocol', detail };
    }
    const isOver = new Promise<null>((resolve) => {
      end = () => resolve(null);
    });
    return { type: 'answered', response, patience: { isOver, stop } };
  } catch (error) {
    stop();
    if (controller.signal.aborted) {
      return { type: 'failed', code: 'origin-timeout', detail: `no response head within ${limitMs} ms` };
    }
    const detail = error instanceof Error ? error.message : String(error);
    const code = error instanceof Http1ProtocolError ? 'origin-protocol' : 'origin-unreachable';
    return { type: 'failed', code, detail };
  }
}

function noBackend(detail: string): EdgeError {
  return { code: 'no-backend', detail, retryAfterSeconds: NO_BACKEND_RETRY_AFTER_SECONDS };
}

function reportFailure(visit: Visit, pool: RuntimePool, backend: RuntimeBackend, failure: EdgeError): void {
  const { edge, context, route } = visit;
  const at = edge.now();
  if (at - backend.state.failureToldAt < FAILURE_EVENT_EVERY_MS) return;
  backend.state.failureToldAt = at;
  const detail = { route: route.id, detail: failure.detail };
  edge.telemetry.event({ at, type: failure.code, subject: nameOf(pool, backend), detail }, context);
}

function nameOf(pool: RuntimePool, backend: RuntimeBackend): string {
  return `${pool.name}/${backend.id}`;
}

function once(action: () => void): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    action();
  };
}
