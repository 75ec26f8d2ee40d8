// One tier's choice: the first of its strategy's order that nothing speaks against. Who takes only a part of its share
// for now is passed over in one of two ways. Where the order is settled, by the key or by the list, the next
// alternative takes the request, the one that had it before. Otherwise the pick counts as made and another is asked
// for: so each backend's share is that of the strategy times the part it takes, in exact proportion, whatever the
// strategy is (going on instead would give turns to neighbours, and let credits wait).
import { type Deferral, deferralsIn } from './deferrals.ts';
import { look, type SelectionQuestion } from './refusals.ts';
import type { SelectionLayers, Tier } from './selection-layers.ts';

/** Picks of cold backends until one is taken after all: nearly all of the weight must be cold to come this far. */
const PICKS_MAX = 32;
const NOBODY = -1;
const PICK_AGAIN = -2;

/** Backend index; −1 when every member is refused. */
export function pickInTier(question: SelectionQuestion, layers: SelectionLayers, tier: Tier): number {
  const deferralOf = deferralsIn(question, layers, tier);
  for (let picks = 1; ; picks++) {
    const backend = pickOnce(question, tier, deferralOf, picks === PICKS_MAX);
    if (backend !== PICK_AGAIN) return backend;
  }
}

function pickOnce(
  question: SelectionQuestion,
  { balancer }: Tier,
  deferralOf: (backend: number) => Deferral | null,
  isLast: boolean,
): number {
  const { key, pool } = question;
  const isSettled = balancer.usesKey === true || balancer.isSettled === true;
  let cold = NOBODY;
  let full = NOBODY;
  for (const backend of balancer.order(key, pool)) {
    if (look(question, backend) !== null) continue;
    const deferral = deferralOf(backend);
    if (deferral === null) return backend;
    question.record?.looked(backend, deferral);
    if (deferral === 'over-bound') {
      if (full === NOBODY) full = backend;
    } else if (isSettled) {
      if (cold === NOBODY) cold = backend;
    } else return isLast ? backend : PICK_AGAIN;
  }
  // Nobody else is left. Rather too much for a cold one than anything over a bound.
  const yielding = cold === NOBODY ? full : cold;
  if (yielding === NOBODY) return NOBODY;
  // So that the strategy knows of the pick.
  for (const backend of balancer.order(key, pool)) if (backend === yielding) break;
  return yielding;
}
