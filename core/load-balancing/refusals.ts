// Why a backend is not taken, judged one by one: what forbids it, and what health says against it. Whoever has several
// reasons is named by the first of them.
import type { Balancer, BalancerBackend, PoolView } from './balancer.ts';
import type { HealthState } from './health.ts';
import type { SelectionLayers } from './selection-layers.ts';
import type { SelectionRecord } from './selection-record.ts';

export interface SelectableBackend extends BalancerBackend {
  readonly state: 'active' | 'draining' | 'disabled';
}

/** What its present limits say of a backend: as many requests in flight as it may have, or it failed too often. */
export type LimitRefusal = 'at-capacity' | 'circuit-open';
/** Never tried, not even as a last resort. */
export type HardRefusal = 'disabled' | 'draining' | 'zero-weight' | 'already-tried' | LimitRefusal;
/** Least bad first: what one isolate saw weighs less than a verdict. As a last resort they may be tried. */
export const SOFT_REFUSALS = ['ejected', 'unhealthy'] as const;
export type SoftRefusal = (typeof SOFT_REFUSALS)[number];
/** Why a candidate was passed over. */
export type Refusal = HardRefusal | SoftRefusal;

/** The backend that a client belongs to by its affinity. */
export interface Pinned {
  readonly index: number;
  /** Whether nobody else is to be tried in its place. */
  readonly exclusive: boolean;
}

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
  /** What forbids one more request to it now, by backend index; by default nothing. */
  readonly limitOf?: (backend: number) => LimitRefusal | null;
  /** Taken before all others, also while it drains; by default nobody. */
  readonly pinned?: Pinned | null;
  /** What stands around the strategy; then its tiers' balancers are asked, not `balancer`. By default nothing. */
  readonly layers?: SelectionLayers | null;
  /**
   * Below this share of healthy backends, 0–1, those that are not are tried too, after the others: of all that are
   * active and have a weight, this request's earlier attempts included. By default 1: whenever any is not.
   */
  readonly panicThreshold?: number;
  /** Backend indexes of this request's earlier attempts. */
  readonly tried: readonly number[];
  /** Where the choice is written down; by default nowhere. */
  readonly record?: Pick<SelectionRecord, 'looked' | 'wentThrough'>;
}

/** What keeps a backend from being tried at all; null when nothing does. O(1). */
export function hardRefusal(question: SelectionQuestion, index: number): HardRefusal | null {
  return standingRefusal(question, index, false) ?? question.limitOf?.(index) ?? null;
}

/** The same for the backend that the client is pinned to: draining does not speak against it. O(1). */
export function pinnedRefusal(question: SelectionQuestion, index: number): HardRefusal | null {
  return standingRefusal(question, index, true) ?? question.limitOf?.(index) ?? null;
}

/** What outlasts the moment, limits aside. */
function standingRefusal(
  { backends, tried }: SelectionQuestion,
  index: number,
  mayDrain: boolean,
): Exclude<HardRefusal, LimitRefusal> | null {
  const backend = backends[index];
  if (!backend) throw new Error(`Cannot judge backend ${index} of a pool: it has ${backends.length}`);
  if (backend.state === 'disabled') return 'disabled';
  if (backend.state === 'draining' && !mayDrain) return 'draining';
  if (backend.weight === 0) return 'zero-weight';
  return tried.includes(index) ? 'already-tried' : null;
}

/** What a verdict or an ejection has against it, whatever this request has tried. O(1). */
export function softRefusal(question: SelectionQuestion, index: number): SoftRefusal | null {
  if (question.healthOf(index) === 'unhealthy') return 'unhealthy';
  return question.isEjected?.(index) ? 'ejected' : null;
}

/** The first of all reasons against it. O(1). */
export function refusal(question: SelectionQuestion, index: number): Refusal | null {
  return hardRefusal(question, index) ?? softRefusal(question, index);
}

export function isLimit(reason: string | null): reason is LimitRefusal {
  return reason === 'at-capacity' || reason === 'circuit-open';
}

/** The walk's look at one candidate. O(1). */
export function look(question: SelectionQuestion, index: number): Refusal | null {
  const found = refusal(question, index);
  question.record?.looked(index, found);
  return found;
}
