// Walks a balancer's order and applies what is not the algorithm's business: weight, administrative state, what this
// request has tried already, limits, ejections, health, and the layers that the pool has (selection-layers.ts). The
// backend that a client is pinned to comes first, then the healthy ones. Where they are less than the panic share, the
// ejected ones follow and then the unhealthy ones: so much at once is more likely a wrong view than the truth, and an
// answer may still come. Only when nothing is left there is no backend.
import { pickInTier } from './pick-in-tier.ts';
import {
  hardRefusal,
  isLimit,
  type LimitRefusal,
  look,
  pinnedRefusal,
  refusal,
  type SelectionQuestion,
  SOFT_REFUSALS,
  type SoftRefusal,
  softRefusal,
} from './refusals.ts';
import type { SelectionLayers, Tier } from './selection-layers.ts';
import { tiersInOrder } from './tiers.ts';

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
      /** The client belongs to it. */
      readonly reason: 'pinned';
      /** What else would keep it out; only where nobody else may be tried. */
      readonly despite: SoftRefusal | null;
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
    }
  | {
      readonly type: 'no-backend';
      /** Some would be taken but for their limits: a moment later one may be. */
      readonly reason: 'all-limited';
      /** `at-capacity` where any of them is: that ends as soon as a request does. */
      readonly limit: LimitRefusal;
    };

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

/** Whether a healthy backend could be taken now, other than a pinned one. O(n), takes no turn. */
export function hasHealthyChoice(question: SelectionQuestion): boolean {
  return question.backends.some((_, index) => refusal(question, index) === null);
}

export function isPanic(question: SelectionQuestion): boolean {
  const { healthy, eligible } = healthyShare(question);
  return healthy < eligible * (question.panicThreshold ?? 1);
}

/** Why nobody is left. O(n). */
export function noBackend(question: SelectionQuestion): Selection {
  const { backends, pinned } = question;
  if (backends.length === 0) return { type: 'no-backend', reason: 'no-backends' };
  const mayPanic = isPanic(question);
  const judged = pinned?.exclusive
    ? [{ hard: pinnedRefusal(question, pinned.index), isUsable: true }]
    : backends.map((_, index) => ({
        hard: hardRefusal(question, index),
        isUsable: mayPanic || softRefusal(question, index) === null,
      }));
  const limits = judged.flatMap(({ hard, isUsable }) => (isUsable && isLimit(hard) ? [hard] : []));
  const [limit] = limits.includes('at-capacity') ? (['at-capacity'] as const) : limits;
  if (limit !== undefined) return { type: 'no-backend', reason: 'all-limited', limit };
  const tried = judged.some(({ hard }) => hard === 'already-tried');
  return { type: 'no-backend', reason: tried ? 'all-tried' : 'all-refused' };
}

/** What becomes of a pinned client; null when it chooses like all others. O(1) unless nobody is left. */
export function selectPinned(question: SelectionQuestion): Selection | null {
  const { pinned } = question;
  if (!pinned) return null;
  const isTakeable = pinnedRefusal(question, pinned.index) === null;
  const despite = isTakeable ? softRefusal(question, pinned.index) : null;
  if (isTakeable && (despite === null || pinned.exclusive)) {
    return { type: 'backend', backend: pinned.index, reason: 'pinned', despite };
  }
  return pinned.exclusive ? noBackend(question) : null;
}

/** Picks one backend. O(1) while the first choice is healthy, O(n) otherwise; with several tiers O(n). */
export function selectBackend(question: SelectionQuestion): Selection {
  const { layers } = question;
  const ofPinned = selectPinned(question);
  if (ofPinned !== null) return ofPinned;
  const tiers = layers ? tiersInOrder(question, layers) : null;
  if (tiers) question.record?.wentThrough(tiers);
  const healthy = layers && tiers ? pickInTiers(question, layers, tiers) : pickPlainly(question);
  if (healthy >= 0) return { type: 'backend', backend: healthy, reason: 'healthy' };
  if (!isPanic(question)) return noBackend(question);
  const balancers = tiers?.map(({ balancer }) => balancer) ?? [question.balancer];
  // A walk that ended without a pick leaves the next one to begin where it began.
  for (const despite of SOFT_REFUSALS) {
    for (const balancer of balancers) {
      for (const backend of balancer.order(question.key, question.pool, true)) {
        if (look(question, backend) === despite) {
          return { type: 'backend', backend, reason: 'last-resort', despite };
        }
      }
    }
  }
  return noBackend(question);
}

/** Backend index; −1 when all are refused. */
function pickPlainly(question: SelectionQuestion): number {
  const { balancer, key, pool } = question;
  if (balancer.first) {
    const first = balancer.first(key, pool);
    if (first >= 0 && look(question, first) === null) return first;
  }
  for (const backend of balancer.order(key, pool)) if (look(question, backend) === null) return backend;
  return -1;
}

function pickInTiers(question: SelectionQuestion, layers: SelectionLayers, tiers: readonly Tier[]): number {
  for (const tier of tiers) {
    const backend = pickInTier(question, layers, tier);
    if (backend >= 0) return backend;
  }
  return -1;
}
