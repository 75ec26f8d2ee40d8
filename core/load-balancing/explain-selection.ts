// What `selectBackend` would do, told candidate by candidate and without doing it.
import { type Deferral, deferralsIn } from './deferrals.ts';
import { pinnedRefusal, type Refusal, refusal, type SelectionQuestion, SOFT_REFUSALS } from './refusals.ts';
import { isPanic, noBackend, type Selection, selectPinned } from './select-backend.ts';
import { type TierState, tierStates, tiersInOrder } from './tiers.ts';

/** One line of `explain`. */
export interface Candidate {
  /** Index into `backends`. */
  readonly backend: number;
  /** 1 = the strategy's first choice; null where the strategy leaves it out (weight 0). */
  readonly order: number | null;
  /** The strategy's measure of the backend for this key; null when it has none. */
  readonly score: number | null;
  /** Whether a request may be sent there, now or as a last resort. */
  readonly accepted: boolean;
  /**
   * `not-pinned`: the client belongs to another, and to nobody else. A deferral that is accepted has yielded: nobody
   * else of its tier is left. `not-reached`: of a real choice, which ended before it came there.
   */
  readonly reason: 'healthy' | 'pinned' | 'last-resort' | 'not-pinned' | 'not-reached' | Refusal | Deferral;
}

export interface ExplainedTier extends TierState {
  /** Whether the request begins there. */
  readonly isHome: boolean;
}

export interface ExplainedSelection {
  readonly candidates: readonly Candidate[];
  readonly selection: Selection;
  /** In the order of preference; empty where the pool has but one. */
  readonly tiers: readonly ExplainedTier[];
}

/**
 * What `selectBackend` would do, with every candidate in the order in which the tiers and their strategy name them
 * and the reason for each; those that the strategy leaves out come last. Takes no turn: the next request goes where
 * it would have gone (what draws lots draws anew). O(n), for hash strategies O(points).
 */
export function explainSelection(question: SelectionQuestion): ExplainedSelection {
  const { backends, pinned } = question;
  const usual = walk(question, false);
  const { scores, tiers, deferrals, yielding } = usual;
  const ofPinned = selectPinned(question);
  const isTakenAsPinned = ofPinned?.type === 'backend';
  const reasons = backends.map((_, index) => refusal(question, index));
  const isFree = (index: number): boolean =>
    reasons[index] === null && (!deferrals.has(index) || yielding.has(index));
  const healthy = usual.order.find(isFree);
  const mayPanic = healthy === undefined && isPanic(question);
  const { order } = mayPanic ? walk(question, true) : usual;

  const reasonOf = (index: number): Candidate['reason'] => {
    if (index === pinned?.index && isTakenAsPinned) return 'pinned';
    if (pinned?.exclusive)
      return index === pinned.index ? (pinnedRefusal(question, index) ?? 'pinned') : 'not-pinned';
    const reason = reasons[index] ?? deferrals.get(index) ?? 'healthy';
    return mayPanic && (reason === 'ejected' || reason === 'unhealthy') ? 'last-resort' : reason;
  };
  const leftOut = backends.map((_, index) => index).filter((index) => !order.includes(index));
  const candidates = [...order, ...leftOut].map((backend, at): Candidate => {
    const reason = reasonOf(backend);
    const isYielding = yielding.has(backend) && reason === deferrals.get(backend);
    return {
      backend,
      order: at < order.length ? at + 1 : null,
      score: scores[backend] ?? null,
      accepted: reason === 'healthy' || reason === 'last-resort' || reason === 'pinned' || isYielding,
      reason,
    };
  });
  const explained = (selection: Selection): ExplainedSelection => ({ candidates, selection, tiers });
  if (ofPinned !== null) return explained(ofPinned);
  if (healthy !== undefined) return explained({ type: 'backend', backend: healthy, reason: 'healthy' });
  for (const despite of mayPanic ? SOFT_REFUSALS : []) {
    const backend = order.find((index) => reasons[index] === despite);
    if (backend === undefined) continue;
    return explained({ type: 'backend', backend, reason: 'last-resort', despite });
  }
  return explained(noBackend(question));
}

interface Walk {
  readonly order: readonly number[];
  readonly scores: readonly (number | null)[];
  readonly tiers: readonly ExplainedTier[];
  /** Of those that nothing else speaks against. */
  readonly deferrals: ReadonlyMap<number, Deferral>;
  /** The one of each tier in which all are deferred that takes the request in spite of it. */
  readonly yielding: ReadonlySet<number>;
}

function walk(question: SelectionQuestion, isLastResort: boolean): Walk {
  const { balancer, backends, key, pool, layers } = question;
  const deferrals = new Map<number, Deferral>();
  const yielding = new Set<number>();
  if (!layers) {
    const scores = balancer.scores(key, pool);
    const order = [...balancer.order(key, pool, isLastResort)];
    return { order, scores, tiers: [], deferrals, yielding };
  }
  const inOrder = tiersInOrder(question, layers);
  const scores = backends.map((): number | null => null);
  const order = inOrder.flatMap((tier) => {
    for (const [index, score] of tier.balancer.scores(key, pool).entries()) {
      if (score !== null) scores[index] = score;
    }
    const ofTier = [...tier.balancer.order(key, pool, isLastResort)];
    const deferralOf = deferralsIn(question, layers, tier);
    const usable = ofTier.filter((index) => refusal(question, index) === null);
    for (const index of usable) {
      const deferral = deferralOf(index);
      if (deferral !== null) deferrals.set(index, deferral);
    }
    if (usable.every((index) => deferrals.has(index))) {
      const last = usable.find((index) => deferrals.get(index) === 'warming-up') ?? usable[0];
      if (last !== undefined) yielding.add(last);
    }
    return ofTier;
  });
  const states = layers.tiers.length === 1 ? [] : tierStates(question, layers);
  const tiers = states.map((state) => ({ ...state, isHome: state.tier === inOrder[0] }));
  return { order, scores, tiers, deferrals, yielding };
}
