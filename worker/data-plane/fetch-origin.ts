// Gets the response of an origin: one attempt after the other over the pool's order until one gives an answer that is
// good, or nothing more may be tried. Whether it is tried again is core's decision (retry-decision.ts); here it is
// carried out.
import type { Fields } from '../../core/http/fields.ts';
import { fieldValue } from '../../core/http/fields.ts';
import { retryAfterMs } from '../../core/http/retry-after.ts';
import type { AttemptRecord, NextStep } from '../../core/load-balancing/attempt-journal.ts';
import { type AttemptResult, decideRetry, isPlainAnswer } from '../../core/load-balancing/retry-decision.ts';
import { type AttemptFailure, attemptOnce, type Patience, spentPatience } from './attempt.ts';
import { type Choice, chooseBackend } from './choose-backend.ts';
import type { EdgeError } from './edge-error.ts';
import { originTarget } from './origin-target.ts';
import type { RuntimeBackend, RuntimePool } from './pool-registry.ts';
import { bodyToSend, notRepeatable } from './repetition.ts';
import { type OriginBody, type OriginResponse, sendToOrigin } from './send-to-origin.ts';
import { tellPanic } from './tell-panic.ts';
import type { Visit } from './visit.ts';
import { type BodyFault, watchBody, watchHead } from './watch-outcome.ts';
import { sleep } from './within.ts';

export interface Answered {
  readonly type: 'answered';
  readonly response: OriginResponse;
  readonly pool: RuntimePool;
  readonly backend: RuntimeBackend;
  /** Epoch ms: when the attempt that answered was sent, and when its head was there. */
  readonly requestedAt: number;
  readonly receivedAt: number;
  readonly patience: Patience;
  /** When nothing more is read from it, and what went wrong with its body; a second call does nothing. */
  done(fault?: BodyFault): void;
}

export type OriginOutcome = Answered | { readonly type: 'failed'; readonly error: EdgeError };

const NO_BACKEND_RETRY_AFTER_SECONDS = 1;
/** Of one backend and isolate: counters tell how many failed, events tell what happened. */
const FAILURE_EVENT_EVERY_MS = 1_000;

/** `fields` as made for origins. Rejects never. */
export async function fetchOrigin(visit: Visit, pool: RuntimePool, fields: Fields): Promise<OriginOutcome> {
  const { edge } = visit;
  const { retry: policy, timeouts } = pool.config;
  const startedAt = edge.now();
  const deadlineAt = startedAt + timeouts.totalMs;
  let choice = chooseBackend(visit, pool, [], startedAt);
  if (choice.type === 'no-backend') return { type: 'failed', error: noBackend(choice.detail) };
  pool.state.retryBudget.request(startedAt);
  const whyOnce = notRepeatable(visit, pool);
  const kept = bodyToSend(visit, pool, whyOnce);
  let body: OriginBody;
  try {
    body = kept instanceof Promise ? await kept : kept;
  } catch (error) {
    const detail = `Cannot read the request's body: ${error instanceof Error ? error.message : error}`;
    return { type: 'failed', error: { code: 'origin-unreachable', detail } };
  }
  const tried: number[] = [];

  for (let sent = 1; ; sent++) {
    tried.push(choice.index);
    const attempt = await makeAttempt(visit, pool, choice, { fields, body, deadlineAt });
    const { end } = attempt;
    const isPlain = end.type === 'answered' && isPlainAnswer(policy, end.response.status);
    if (isPlain && visit.attempts === null) return outcomeOf(pool, attempt);

    const nowMs = edge.now();
    const next = decideRetry(
      {
        policy,
        sent,
        notRepeatable: whyOnce,
        nowMs,
        deadlineAt,
        random: edge.random,
        takeFromBudget: () => pool.state.retryBudget.take(nowMs),
      },
      resultOf(attempt, nowMs),
    );
    if (next.type === 'last') {
      note(visit, attempt, sent, next);
      return outcomeOf(pool, attempt);
    }
    // What it holds is free for others while this request waits; what it answered may still be passed on.
    if (end.type === 'answered') end.done();
    if (next.waitMs > 0) await sleep(next.waitMs);
    const again = chooseAgain(visit, pool, tried);
    if (again.type === 'no-backend') {
      note(visit, attempt, sent, { type: 'last', because: 'no-backend' });
      const late = outcomeOf(pool, attempt);
      return late.type === 'answered' ? { ...late, patience: spentPatience() } : late;
    }
    note(visit, attempt, sent, next);
    if (end.type === 'answered') end.response.body?.cancel().catch(() => {});
    choice = again;
  }
}

interface Attempt {
  readonly backend: RuntimeBackend;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly end: Answered | AttemptFailure;
}

/** What every attempt of a request has in common. */
interface Sending {
  readonly fields: Fields;
  readonly body: OriginBody;
  readonly deadlineAt: number;
}

async function makeAttempt(
  visit: Visit,
  pool: RuntimePool,
  { backend, panic }: Extract<Choice, { type: 'backend' }>,
  { fields, body, deadlineAt }: Sending,
): Promise<Attempt> {
  const { edge, request, received, target, route } = visit;
  const { attemptMs, firstByteMs } = pool.config.timeouts;
  if (panic) tellPanic(visit, pool, backend, panic);
  visit.tally.backend = backend.id;
  backend.state.inFlight++;
  const startedAt = edge.now();
  const limitMs = Math.max(1, Math.min(attemptMs, firstByteMs, deadlineAt - startedAt));
  const end = await attemptOnce(limitMs, (signal) =>
    sendToOrigin({
      request,
      received,
      backend,
      target: originTarget(target.pathAndQuery, route.request, backend.basePath),
      fields,
      body,
      signal,
    }),
  );
  const endedAt = edge.now();
  const seen = watchHead(visit, pool, backend, end, startedAt);
  if (end.type === 'failed') {
    backend.state.inFlight--;
    reportFailure(visit, pool, backend, end);
    return { backend, startedAt, endedAt, end };
  }
  const { response, patience } = end;
  const done = once((fault?: BodyFault) => {
    patience.stop();
    backend.state.inFlight--;
    watchBody(visit, pool, backend, seen, fault ?? null);
  });
  const answered: Answered = {
    type: 'answered',
    response,
    pool,
    backend,
    requestedAt: startedAt,
    receivedAt: endedAt,
    patience,
    done,
  };
  return { backend, startedAt, endedAt, end: answered };
}

/** Never one that was tried while another is left, and then never the last one while there is another. */
function chooseAgain(visit: Visit, pool: RuntimePool, tried: readonly number[]): Choice {
  const nowMs = visit.edge.now();
  let choice = chooseBackend(visit, pool, tried, nowMs);
  for (const avoided of [tried.slice(-1), []]) {
    if (choice.type !== 'no-backend' || choice.reason !== 'all-tried') return choice;
    choice = chooseBackend(visit, pool, avoided, nowMs);
  }
  return choice;
}

function outcomeOf(pool: RuntimePool, { backend, end }: Attempt): OriginOutcome {
  if (end.type === 'answered') return end;
  return { type: 'failed', error: { code: end.code, detail: `${nameOf(pool, backend)}: ${end.detail}` } };
}

function resultOf({ end }: Attempt, nowMs: number): AttemptResult {
  if (end.type === 'failed') return end;
  const { status, fields } = end.response;
  return { type: 'answered', status, retryAfterMs: retryAfterMs(fieldValue(fields, 'retry-after'), nowMs) };
}

function note(
  visit: Visit,
  { backend, startedAt, endedAt, end }: Attempt,
  sent: number,
  next: NextStep,
): void {
  const record: AttemptRecord = {
    backend: backend.id,
    kind: sent === 1 ? 'first' : 'retry',
    startedAt,
    endedAt,
    outcome: end.type === 'answered' ? 'answered' : end.code,
    status: end.type === 'answered' ? end.response.status : null,
    next,
  };
  if (visit.attempts === null) visit.attempts = [record];
  else visit.attempts.push(record);
}

function noBackend(detail: string): EdgeError {
  return { code: 'no-backend', detail, retryAfterSeconds: NO_BACKEND_RETRY_AFTER_SECONDS };
}

function reportFailure(
  visit: Visit,
  pool: RuntimePool,
  backend: RuntimeBackend,
  failure: AttemptFailure,
): void {
  const { edge, context, route } = visit;
  const at = edge.now();
  if (at - backend.state.failureToldAt < FAILURE_EVENT_EVERY_MS) return;
  backend.state.failureToldAt = at;
  const subject = nameOf(pool, backend);
  const detail = { route: route.id, detail: `${subject}: ${failure.detail}` };
  edge.telemetry.event({ at, type: failure.code, subject, detail }, context);
}

function nameOf(pool: RuntimePool, backend: RuntimeBackend): string {
  return `${pool.name}/${backend.id}`;
}

function once<T>(action: (argument: T) => void): (argument: T) => void {
  let isDone = false;
  return (argument) => {
    if (isDone) return;
    isDone = true;
    action(argument);
  };
}
