// A place in flight at a backend: chosen and taken in one step, or the next request would choose it too. It is given back
// however the request ends: whoever's client resets the connection before the head is there is stopped by the runtime
// where it stands, and runs no line of its own any more.
import { type Choice, chooseBackend } from './choose-backend.ts';
import type { RuntimeBackend, RuntimePool } from './pool-registry.ts';
import type { Visit } from './visit.ts';

export type Place = Extract<Choice, { type: 'backend' }> & {
  /** Epoch ms. */
  readonly takenAt: number;
  /** Gives it back; a second call does nothing. */
  leave(): void;
};

export type Taken = Place | Exclude<Choice, { type: 'backend' }>;

/** `avoided`: indexes of backends that are not to be chosen. */
export function takePlace(visit: Visit, pool: RuntimePool, avoided: readonly number[], nowMs: number): Taken {
  const choice = chooseBackend(visit, pool, avoided, nowMs, visit.tally.record);
  return choice.type === 'backend'
    ? { ...choice, takenAt: nowMs, leave: enter(visit, choice.backend) }
    : choice;
}

/** `signal` tells that the client has left (compatibility flag enable_request_signal). */
function enter({ request: { signal } }: Visit, { state }: RuntimeBackend): () => void {
  let isIn = true;
  const leave = (): void => {
    if (isIn) state.inFlight--;
    isIn = false;
  };
  state.inFlight++;
  signal.addEventListener('abort', leave);
  return leave;
}

/** Never one that was tried while another is left, and then never the last one while there is another. */
export function takePlaceAgain(
  visit: Visit,
  pool: RuntimePool,
  tried: readonly number[],
  nowMs: number,
): Taken {
  let choice = takePlace(visit, pool, tried, nowMs);
  for (const avoided of [tried.slice(-1), []]) {
    if (choice.type !== 'no-backend' || choice.reason !== 'all-tried') return choice;
    choice = takePlace(visit, pool, avoided, nowMs);
  }
  return choice;
}

/** One beside those that are tried already, if `isAllowed` then says so; null otherwise. */
export function takeAlternative(
  visit: Visit,
  pool: RuntimePool,
  tried: number[],
  nowMs: number,
  isAllowed: () => boolean,
): Place | null {
  const { record } = visit.tally;
  const choice = chooseBackend(visit, pool, tried, nowMs, record);
  // As a last resort nobody is tried twice as hard.
  const isThere = choice.type === 'backend' && choice.panic === null;
  if (!isThere || !isAllowed()) {
    record?.hedgeHeldBack(isThere ? 'budget' : 'no-backend');
    return null;
  }
  tried.push(choice.index);
  return { ...choice, takenAt: nowMs, leave: enter(visit, choice.backend) };
}
