// Gets the response of an origin: one attempt after the other over the pool's order until one gives an answer that is
// good, or nothing more may be tried. Whether it is tried again is core's decision (retry-decision.ts); here it is
// carried out.
import { type Fields, fieldValue } from '../../core/http/fields.ts';
import { retryAfterMs } from '../../core/http/retry-after.ts';
import type { NotRepeatable } from '../../core/load-balancing/repeatable.ts';
import { type AttemptResult, decideRetry, isPlainAnswer } from '../../core/load-balancing/retry-decision.ts';
import type { EdgeError } from './edge-error.ts';
import { cancelBody } from './first-bytes.ts';
import { hedgeDelayMs, makeHedgedAttempt } from './hedge.ts';
import { noteAttempt } from './journal.ts';
import { type Answered, type Attempt, makeAttempt, type Sending } from './make-attempt.ts';
import { noPlace } from './no-place.ts';
import { type Place, takePlace, takePlaceAgain } from './place.ts';
import type { RuntimePool } from './pool-registry.ts';
import { bodyToSend, notRepeatable } from './repetition.ts';
import type { OriginBody } from './send-to-origin.ts';
import type { Visit } from './visit.ts';
import { isFull, mustWait, waitForPlace } from './wait-for-place.ts';
import { sleep } from './within.ts';

export type OriginOutcome = Answered | { readonly type: 'failed'; readonly error: EdgeError };

/** `fields` as made for origins; `beganAt`: now. Rejects never. */
export async function fetchOrigin(
  visit: Visit,
  pool: RuntimePool,
  fields: Fields,
  beganAt = visit.edge.now(),
): Promise<OriginOutcome> {
  const { edge } = visit;
  const { retry: policy, timeouts } = pool.config;
  const whyOnce = notRepeatable(visit, pool);
  const kept = bodyToSend(visit, pool);
  let body: OriginBody;
  try {
    body = kept instanceof Promise ? await kept : kept;
  } catch (error) {
    const detail = `Cannot read the request's body: ${error instanceof Error ? error.message : error}`;
    return { type: 'failed', error: { code: 'origin-unreachable', detail } };
  }
  const startedAt = kept instanceof Promise ? edge.now() : beganAt;
  const sending: Sending = { fields, body, deadlineAt: startedAt + timeouts.totalMs };
  let place = mustWait(pool, startedAt) ? null : takePlace(visit, pool, [], startedAt);
  if (place === null || isFull(pool, place)) {
    const waited = await waitForPlace(visit, pool);
    if (waited.type === 'overloaded') return { type: 'failed', error: noPlace(visit, pool, waited) };
    place = waited;
  }
  if (place.type === 'no-backend') return { type: 'failed', error: noPlace(visit, pool, place) };
  pool.state.retryBudget.request(place.takenAt);
  const tried: number[] = [];

  for (;;) {
    tried.push(place.index);
    const attempt = await attemptAt(visit, pool, place, sending, tried, whyOnce);
    if (attempt === null) throw new Error('An attempt that nobody may give up was given up');
    const { end } = attempt;
    const isPlain = end.type === 'answered' && isPlainAnswer(policy, end.response.status);
    if (isPlain && visit.attempts === null && visit.tally.record === null) return end;

    const nowMs = edge.now();
    const next = decideRetry(
      {
        policy,
        sent: tried.length,
        notRepeatable: whyOnce,
        nowMs,
        deadlineAt: sending.deadlineAt,
        random: edge.random,
        takeFromBudget: () => pool.state.retryBudget.take(nowMs),
      },
      resultOf(attempt, nowMs),
    );
    if (next.type === 'last') {
      noteAttempt(visit, attempt, next);
      return outcomeOf(pool, attempt);
    }
    // What it holds is free for others while this request waits; what it answered may still be passed on.
    if (end.type === 'answered') end.done();
    if (next.waitMs > 0) await sleep(next.waitMs);
    const again = takePlaceAgain(visit, pool, tried, edge.now());
    if (again.type === 'no-backend') {
      noteAttempt(visit, attempt, { type: 'last', because: 'no-backend' });
      return outcomeOf(pool, attempt);
    }
    noteAttempt(visit, attempt, next);
    if (end.type === 'answered') cancelBody(end.response, end.first);
    place = again;
  }
}

/** `tried` ends with the place's own index. */
function attemptAt(
  visit: Visit,
  pool: RuntimePool,
  place: Place,
  sending: Sending,
  tried: number[],
  whyOnce: NotRepeatable | null,
): Promise<Attempt | null> {
  const kind = tried.length === 1 ? 'first' : 'retry';
  if (pool.config.hedge.enabled && whyOnce === null && !visit.isUpgrade) {
    const delayMs = hedgeDelayMs(pool, visit.edge.now());
    return makeHedgedAttempt(visit, pool, place, sending, kind, tried, delayMs);
  }
  return makeAttempt(visit, pool, place, sending, kind, null);
}

function outcomeOf(pool: RuntimePool, { backend, end }: Attempt): OriginOutcome {
  if (end.type === 'answered') return end;
  const detail = `${pool.name}/${backend.id}: ${end.detail}`;
  return { type: 'failed', error: { code: end.code, detail } };
}

function resultOf({ end }: Attempt, nowMs: number): AttemptResult {
  if (end.type === 'failed') return end;
  const { status, fields } = end.response;
  return { type: 'answered', status, retryAfterMs: retryAfterMs(fieldValue(fields, 'retry-after'), nowMs) };
}
