// What `selectBackend` would do, told candidate by candidate and without doing it.
import { pinnedRefusal, type Refusal, refusal, type SelectionQuestion, SOFT_REFUSALS } from './refusals.ts';
import { isPanic, noBackend, type Selection, selectPinned } from './select-backend.ts';

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
  /** `not-pinned`: the client belongs to another, and to nobody else. */
  readonly reason: 'healthy' | 'pinned' | 'last-resort' | 'not-pinned' | Refusal;
}

export interface ExplainedSelection {
  readonly candidates: readonly Candidate[];
  readonly selection: Selection;
}

/**
 * What `selectBackend` would do, with every candidate in the order in which the strategy names them and the reason
 * for each; those that it leaves out come last. Takes no turn: the next request goes where it would have gone
 * (strategies that draw lots draw anew). O(n), for hash strategies O(points).
 */
export function explainSelection(question: SelectionQuestion): ExplainedSelection {
  const { balancer, key, pool, backends, pinned } = question;
  const scores = balancer.scores(key, pool);
  const order = [...balancer.order(key, pool)];
  const ofPinned = selectPinned(question);
  const isTakenAsPinned = ofPinned?.type === 'backend';
  const reasons = backends.map((_, index) => refusal(question, index));
  const healthy = order.find((index) => reasons[index] === null);
  const mayPanic = healthy === undefined && isPanic(question);

  const reasonOf = (index: number): Candidate['reason'] => {
    if (index === pinned?.index && isTakenAsPinned) return 'pinned';
    if (pinned?.exclusive)
      return index === pinned.index ? (pinnedRefusal(question, index) ?? 'pinned') : 'not-pinned';
    const reason = reasons[index] ?? 'healthy';
    return mayPanic && (reason === 'ejected' || reason === 'unhealthy') ? 'last-resort' : reason;
  };
  const leftOut = backends.map((_, index) => index).filter((index) => !order.includes(index));
  const candidates = [...order, ...leftOut].map((backend, at): Candidate => {
    const reason = reasonOf(backend);
    return {
      backend,
      order: at < order.length ? at + 1 : null,
      score: scores[backend] ?? null,
      accepted: reason === 'healthy' || reason === 'last-resort' || reason === 'pinned',
      reason,
    };
  });
  if (ofPinned !== null) return { candidates, selection: ofPinned };
  if (healthy !== undefined)
    return { candidates, selection: { type: 'backend', backend: healthy, reason: 'healthy' } };
  for (const despite of mayPanic ? SOFT_REFUSALS : []) {
    const backend = order.find((index) => reasons[index] === despite);
    if (backend === undefined) continue;
    return { candidates, selection: { type: 'backend', backend, reason: 'last-resort', despite } };
  }
  return { candidates, selection: noBackend(question) };
}
