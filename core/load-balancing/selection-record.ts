// One real choice of a backend, written down while it is made: what the walk looked at, in order, and what it found.
// Nothing is asked twice, so that what is told is what was decided, also by strategies that draw lots.
import type { Deferral } from './deferrals.ts';
import type { Candidate, ExplainedTier } from './explain-selection.ts';
import { pinnedRefusal, type Refusal, refusal, type SelectionQuestion } from './refusals.ts';
import type { Selection } from './select-backend.ts';
import type { Tier } from './selection-layers.ts';
import { tierStates } from './tiers.ts';

export class SelectionRecord {
  readonly #question: SelectionQuestion;
  readonly #scores: readonly (number | null)[];
  /** By backend index, in the order of the first look at each: what the last look found; null = it may be taken. */
  readonly #looks = new Map<number, Refusal | Deferral | null>();
  #tiers: readonly Tier[] = [];

  /** Before the choice: strategies that take turns count on from it. O(n), for hash strategies O(points). */
  constructor(question: SelectionQuestion) {
    this.#question = question;
    const { backends, balancer, key, layers, pool } = question;
    const balancers = layers ? layers.tiers.map((tier) => tier.balancer) : [balancer];
    const scores = balancers.map((one) => one.scores(key, pool));
    this.#scores = backends.map((_, index) => {
      for (const ofOne of scores)
        if (ofOne[index] !== null && ofOne[index] !== undefined) return ofOne[index];
      return null;
    });
  }

  looked(backend: number, found: Refusal | Deferral | null): void {
    this.#looks.set(backend, found);
  }

  /** In this order; the first is the request's own. */
  wentThrough(tiers: readonly Tier[]): void {
    this.#tiers = tiers;
  }

  /** As `explainSelection` has them; empty where the pool has but one. O(n). */
  tiers(): readonly ExplainedTier[] {
    const { layers } = this.#question;
    if (!layers || layers.tiers.length === 1) return [];
    const [home] = this.#tiers;
    return tierStates(this.#question, layers).map((state) => ({ ...state, isHome: state.tier === home }));
  }

  /**
   * The candidates of the choice that was just made, before anything changes: those that were looked at in order, then
   * the others, which were not reached. The same words as in `explainSelection`. O(n).
   */
  candidates(selection: Selection): readonly Candidate[] {
    const taken = selection.type === 'backend' ? selection.backend : null;
    const looked = [...this.#looks.keys()];
    if (taken !== null && !this.#looks.has(taken)) looked.unshift(taken);
    const isLooked = new Set(looked);
    const others = this.#question.backends.map((_, index) => index).filter((index) => !isLooked.has(index));
    return [...looked, ...others].map((backend, at): Candidate => {
      const reason = this.#reasonOf(selection, backend);
      return {
        backend,
        order: at < looked.length ? at + 1 : null,
        score: this.#scores[backend] ?? null,
        accepted: backend === taken || ACCEPTED.has(reason),
        reason,
      };
    });
  }

  #reasonOf(selection: Selection, backend: number): Candidate['reason'] {
    const question = this.#question;
    const found = this.#looks.get(backend);
    if (selection.type === 'backend' && selection.backend === backend) {
      // Deferred, and taken since nobody else of its tier is left.
      return selection.reason === 'healthy' ? (found ?? 'healthy') : selection.reason;
    }
    const { pinned } = question;
    if (pinned?.exclusive) {
      return backend === pinned.index ? (pinnedRefusal(question, backend) ?? 'pinned') : 'not-pinned';
    }
    const isReached = found !== undefined;
    const against = isReached ? found : refusal(question, backend);
    const isLastResort = selection.type === 'backend' && selection.reason === 'last-resort';
    if (isLastResort && (against === 'ejected' || against === 'unhealthy')) return 'last-resort';
    return against ?? (isReached ? 'healthy' : 'not-reached');
  }
}

const ACCEPTED: ReadonlySet<Candidate['reason']> = new Set([
  'healthy',
  'pinned',
  'last-resort',
  'not-reached',
]);
