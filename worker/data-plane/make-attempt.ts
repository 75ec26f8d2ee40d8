// One attempt with all that it means for its backend: a place in flight, what is measured and counted of it, and an end
// that comes from outside when another attempt was quicker.
import type { Fields } from '../../core/http/fields.ts';
import type { AttemptRecord } from '../../core/load-balancing/attempt-journal.ts';
import { type AttemptFailure, attemptOnce } from './attempt.ts';
import { circuitBroke, enterCircuit, leaveCircuit } from './circuit.ts';
import { cancelBody, type FirstBytes, readFirstBytes } from './first-bytes.ts';
import { noteRecord } from './journal.ts';
import { originTarget } from './origin-target.ts';
import type { Place } from './place.ts';
import type { RuntimeBackend, RuntimePool } from './pool-registry.ts';
import { type OriginBody, type OriginResponse, sendToOrigin } from './send-to-origin.ts';
import { tellFailure } from './tell-failure.ts';
import { tellPanic } from './tell-panic.ts';
import type { Visit } from './visit.ts';
import { type BodyFault, watchBody, watchHead } from './watch-outcome.ts';

export interface Answered {
  readonly type: 'answered';
  readonly response: OriginResponse;
  /** What it was asked, where that was not just what the client asks. */
  readonly asked?: Fields;
  /** The origin's own status, where `response` is made of more than it has sent. */
  readonly ownStatus?: number;
  readonly pool: RuntimePool;
  readonly backend: RuntimeBackend;
  /** Epoch ms: when the attempt that answered was sent, and when its head was there. */
  readonly requestedAt: number;
  readonly receivedAt: number;
  /** Of a short body; null where it is left unread. */
  readonly first: FirstBytes | null;
  /** When nothing more is read from it, and what went wrong with its body; a second call does nothing. */
  done(fault?: BodyFault): void;
}

export interface Attempt {
  readonly backend: RuntimeBackend;
  readonly kind: AttemptRecord['kind'];
  /** Epoch ms. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly end: Answered | AttemptFailure;
}

/** What every attempt of a request has in common. */
export interface Sending {
  readonly fields: Fields;
  readonly body: OriginBody;
  readonly deadlineAt: number;
}

/** Timers may fire this much before their time. */
const TIMER_SLACK_MS = 10;

/** For an attempt that may be given up while it waits for its head. */
export interface Leash {
  /** Set when the attempt begins; then its backend's place is free at once. */
  giveUp(): void;
}

/** Takes over the place, which has just been taken. Rejects never; null where it was given up. */
export async function makeAttempt(
  visit: Visit,
  pool: RuntimePool,
  { backend, panic, takenAt: startedAt, leave }: Place,
  { fields, body, deadlineAt }: Sending,
  kind: AttemptRecord['kind'],
  leash: Leash | null,
): Promise<Attempt | null> {
  const { edge, request, received, target, route } = visit;
  const { attemptMs, firstByteMs } = pool.config.timeouts;
  if (panic) tellPanic(visit, pool, backend, panic);
  visit.tally.backend = backend.id;
  const era = enterCircuit(visit, pool, backend, startedAt);
  const controller = new AbortController();
  let isGivenUp = false;
  if (leash !== null) {
    leash.giveUp = () => {
      isGivenUp = true;
      controller.abort();
      const endedAt = edge.now();
      const elapsedMs = endedAt - startedAt;
      leave();
      backend.state.meter.lost(elapsedMs, endedAt);
      pool.state.hedgeDelay.record(backend.id, elapsedMs, endedAt);
      leaveCircuit(visit, pool, backend, era, startedAt, 'edge-error');
      const record = { backend: backend.id, kind, startedAt, endedAt, status: null } as const;
      noteRecord(visit, {
        ...record,
        outcome: 'given-up',
        next: { type: 'last', because: 'other-quicker' },
      });
    };
  }
  const limitMs = Math.max(1, Math.min(attemptMs, firstByteMs, deadlineAt - startedAt));
  const attempting = attemptOnce(limitMs, controller, (signal) =>
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
  const end = await attempting;
  if (isGivenUp) {
    if (end.type === 'answered') cancelBody(end.response, null);
    return null;
  }
  const endedAt = edge.now();
  const seen = watchHead(visit, pool, backend, end, { at: startedAt, body }, endedAt);
  leaveCircuit(visit, pool, backend, era, startedAt, seen);
  if (end.type === 'failed') {
    leave();
    tellFailure(visit, pool, backend, end);
    return { backend, kind, startedAt, endedAt, end };
  }
  if (leash !== null && seen === 'success') {
    pool.state.hedgeDelay.record(backend.id, endedAt - startedAt, endedAt);
  }
  const { response, patience } = end;
  const reading = readFirstBytes(request.method, response, patience);
  const first = reading === null ? null : await reading;
  patience.stop();
  if (isGivenUp) {
    if (first !== 'broken') cancelBody(response, first);
    return null;
  }
  const done = once((fault?: BodyFault) => {
    leave();
    watchBody(visit, pool, backend, seen, fault ?? null);
    if (fault !== undefined && seen === 'success') circuitBroke(visit, pool, backend, era);
  });
  const isLate =
    first !== 'broken' && first?.chunk === null && edge.now() + TIMER_SLACK_MS >= startedAt + firstByteMs;
  if (first === 'broken' || isLate) {
    if (first !== 'broken') cancelBody(response, first);
    done(isLate ? 'silent' : 'broken');
    const failure = bodyFailure(isLate, firstByteMs);
    tellFailure(visit, pool, backend, failure);
    return { backend, kind, startedAt, endedAt: edge.now(), end: failure };
  }
  const times = { requestedAt: startedAt, receivedAt: endedAt };
  const answered: Answered = { type: 'answered', response, pool, backend, ...times, first, done };
  return { backend, kind, startedAt, endedAt, end: answered };
}

/** Nothing of the response has gone to the client: it never came, as far as that can tell. */
function bodyFailure(isLate: boolean, firstByteMs: number): AttemptFailure {
  return isLate
    ? { type: 'failed', code: 'origin-timeout', detail: `no byte of its body within ${firstByteMs} ms` }
    : { type: 'failed', code: 'origin-unreachable', detail: 'its body broke off before the first byte' };
}

function once<T>(action: (argument: T) => void): (argument: T) => void {
  let isDone = false;
  return (argument) => {
    if (isDone) return;
    isDone = true;
    action(argument);
  };
}
