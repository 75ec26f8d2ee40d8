// A place in flight at a backend: chosen and taken in one step, or the next request would choose it too.
import { type Choice, chooseBackend } from './choose-backend.ts';
import type { RuntimePool } from './pool-registry.ts';
import type { Visit } from './visit.ts';

export type Place = Extract<Choice, { type: 'backend' }>;

/** `avoided`: indexes of backends that are not to be chosen. */
export function takePlace(
  visit: Visit,
  pool: RuntimePool,
  avoided: readonly number[],
  nowMs: number,
): Choice {
  const choice = chooseBackend(visit, pool, avoided, nowMs);
  if (choice.type === 'backend') choice.backend.state.inFlight++;
  return choice;
}

/** Never one that was tried while another is left, and then never the last one while there is another. */
export function takePlaceAgain(
  visit: Visit,
  pool: RuntimePool,
  tried: readonly number[],
  nowMs: number,
): Choice {
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
  const choice = chooseBackend(visit, pool, tried, nowMs);
  // As a last resort nobody is tried twice as hard.
  if (choice.type === 'no-backend' || choice.panic !== null || !isAllowed()) return null;
  choice.backend.state.inFlight++;
  tried.push(choice.index);
  return choice;
}
