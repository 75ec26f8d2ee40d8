// Walks a balancer's order and applies what is not the algorithm's business: weight, administrative state, what this
// request has tried already, ejections, health. Healthy backends come first. Where they are less than the panic share,
// the ejected ones follow and then the unhealthy ones: so much at once is more likely a wrong view than the truth, and
// an answer may still come. Only when nothing is left there is no backend.
import type { Balancer, BalancerBackend, PoolView } from './balancer.ts';
import type { HealthState } from './health.ts';

export interface SelectableBackend extends BalancerBackend {
  readonly state: 'active' | 'draining' | 'disabled';
}

/** Why a candidate was passed over. */
export type Refusal = HardRefusal | SoftRefusal;
type HardRefusal = 'disabled' | 'draining' | 'zero-weight' | 'already-tried';
/** Least bad first: what one isolate saw weighs less than a verdict. As a last resort they may be tried. */
const SOFT_REFUSALS = ['ejected', 'unhealthy'] as const;
export type SoftRefusal = (typeof SOFT_REFUSALS)[number];

export interface SelectionQuestion {
  /** Built from `backends`, in this order. */
  readonly balancer: Balancer;
  readonly backends: readonly SelectableBackend[];
  /** By the strategy's key list; empty when the request has none of them. */
  readonly key: string;
  readonly pool: PoolView;
  /** Verdict by backend index; `unknown` counts as healthy. */
  readonly healthOf: (backend: number) => HealthState;
  /** Whether failures that this isolate met keep it out for now, by backend index; by default none. */
  readonly isEjected?: (backend: number) => boolean;
  /**
   * Below this share of healthy backends, 0–1, those that are not are tried too, after the others: of all that are
   * active and have a weight, this request's earlier attempts included. By default 1: whenever any is not.
   */
  readonly panicThreshold?: number;
  /** Backend indexes of this request's earlier attempts. */
  readonly tried: readonly number[];
}

export type Selection =
  | {
      readonly type: 'backend';
      /** Index into `backends`. */
      readonly backend: number;
      readonly reason: 'healthy';
    }
  | {
      readonly type: 'backend';
      readonly backend: number;
      /** No healthy one could be taken, and too few are healthy. */
      readonly reason: 'last-resort';
      /** What else would keep it out. */
      readonly despite: SoftRefusal;
    }
  | {
      readonly type: 'no-backend';
      /** `all-tried`: others than this request's earlier attempts are not left. */
      readonly reason: 'no-backends' | 'all-refused' | 'all-tried';
    };

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
  readonly reason: 'healthy' | 'last-resort' | Refusal;
}

/** What keeps a backend from being tried at all; null when nothing does. */
function hardRefusal({ backends, tried }: SelectionQuestion, index: number): HardRefusal | null {
  const backend = backends[index];
  if (!backend) throw new Error(`Cannot judge backend ${index} of a pool: it has ${backends.length}`);
  if (backend.state === 'disabled') return 'disabled';
  if (backend.state === 'draining') return 'draining';
  if (backend.weight === 0) return 'zero-weight';
  if (tried.includes(index)) return 'already-tried';
  return null;
}

function refusal(question: SelectionQuestion, index: number): Refusal | null {
  return hardRefusal(question, index) ?? softRefusal(question, index);
}

/** What a verdict or an ejection has against it, whatever this request has tried. */
function softRefusal(question: SelectionQuestion, index: number): SoftRefusal | null {
  if (question.healthOf(index) === 'unhealthy') return 'unhealthy';
  return question.isEjected?.(index) ? 'ejected' : null;
}

/** How many could be healthy, and how many are. O(n). */
export function healthyShare(question: SelectionQuestion): {
  readonly healthy: number;
  readonly eligible: number;
} {
  const counts = { healthy: 0, eligible: 0 };
  question.backends.forEach(({ state, weight }, index) => {
    if (state !== 'active' || weight === 0) return;
    counts.eligible++;
    if (softRefusal(question, index) === null) counts.healthy++;
  });
  return counts;
}

function isPanic(question: SelectionQuestion): boolean {
  const { healthy, eligible } = healthyShare(question);
  return healthy < eligible * (question.panicThreshold ?? 1);
}

function noBackend(question: SelectionQuestion): Selection {
  if (question.backends.length === 0) return { type: 'no-backend', reason: 'no-backends' };
  const tried = question.backends.some((_, index) => hardRefusal(question, index) === 'already-tried');
  return { type: 'no-backend', reason: tried ? 'all-tried' : 'all-refused' };
}

/** Picks one backend. O(1) while the first choice is healthy, O(n) otherwise. */
export function selectBackend(question: SelectionQuestion): Selection {
  const { balancer, key, pool } = question;
  if (balancer.first) {
    const first = balancer.first(key, pool);
    if (first >= 0 && refusal(question, first) === null) {
      return { type: 'backend', backend: first, reason: 'healthy' };
    }
  }
  for (const backend of balancer.order(key, pool)) {
    if (refusal(question, backend) === null) return { type: 'backend', backend, reason: 'healthy' };
  }
  if (!isPanic(question)) return noBackend(question);
  // A walk that ended without a pick leaves the next one to begin where it began.
  for (const despite of SOFT_REFUSALS) {
    for (const backend of balancer.order(key, pool)) {
      if (refusal(question, backend) === despite) {
        return { type: 'backend', backend, reason: 'last-resort', despite };
      }
    }
  }
  return noBackend(question);
}

/**
 * What `selectBackend` would do, with every candidate in the order in which the strategy names them and the reason
 * for each; those that it leaves out come last. Takes no turn: the next request goes where it would have gone
 * (strategies that draw lots draw anew). O(n), for hash strategies O(points).
 */
export function explainSelection(question: SelectionQuestion): {
  readonly candidates: readonly Candidate[];
  readonly selection: Selection;
} {
  const { balancer, key, pool, backends } = question;
  const scores = balancer.scores(key, pool);
  const order = [...balancer.order(key, pool)];
  const reasons = backends.map((_, index) => refusal(question, index));
  const healthy = order.find((index) => reasons[index] === null);
  const mayPanic = healthy === undefined && isPanic(question);

  const leftOut = backends.map((_, index) => index).filter((index) => !order.includes(index));
  const candidates = [...order, ...leftOut].map((backend, at): Candidate => {
    const reason = reasons[backend] ?? 'healthy';
    const asLastResort = mayPanic && (reason === 'ejected' || reason === 'unhealthy');
    return {
      backend,
      order: at < order.length ? at + 1 : null,
      score: scores[backend] ?? null,
      accepted: reason === 'healthy' || asLastResort,
      reason: asLastResort ? 'last-resort' : reason,
    };
  });
  if (healthy !== undefined)
    return { candidates, selection: { type: 'backend', backend: healthy, reason: 'healthy' } };
  for (const despite of mayPanic ? SOFT_REFUSALS : []) {
    const backend = order.find((index) => reasons[index] === despite);
    if (backend === undefined) continue;
    return { candidates, selection: { type: 'backend', backend, reason: 'last-resort', despite } };
  }
  return { candidates, selection: noBackend(question) };
}
