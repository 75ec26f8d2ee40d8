// One live request's decisions, written down by the steps that make them: nothing is worked out anew afterwards. Only
// requests that are explained have one; all others carry null in its place.
import type { AttemptRecord } from '../../core/load-balancing/attempt-journal.ts';
import type { ExplainedSelection } from '../../core/load-balancing/explain-selection.ts';
import type { KeptExplanation } from '../../durable-objects/interfaces/telemetry.ts';
import type { EdgeSnapshot } from '../config-snapshot.ts';
import type { ChoiceRecord } from './choose-backend.ts';
import type { PoolStep } from './choose-pool.ts';
import {
  type AttemptPlan,
  type CacheDecision,
  candidateLines,
  type Explained,
  type ExplainedCandidate,
  NOTHING_EXPLAINED,
  tierLines,
} from './explained.ts';
import type { RuntimePool } from './pool-registry.ts';

/** One choice of a backend. */
export interface ExplainedChoice {
  /** Epoch ms. */
  readonly at: number;
  readonly pool: string;
  readonly candidates: readonly ExplainedCandidate[];
  readonly candidatesOmitted: number;
  readonly chosen: string | null;
}

/** In the line before a pool whose backends were all full. */
export interface ExplainedWait {
  /** How many were before it when it came. */
  readonly ahead: number;
  readonly ms: number;
  /** `got-place` also where its backend was the last resort; `no-backend`: nobody was full any more, and nobody to be tried. */
  readonly end: 'got-place' | 'no-backend' | 'queue-full' | 'waited-in-vain';
}

/** Why an attempt that was late got no other beside it. */
export type HedgeHeldBack = 'no-backend' | 'budget' | 'deadline';

/** `Explained` with the first choice of a backend in it, and what came of it. */
export interface Explanation extends Explained {
  readonly id: string;
  /** Epoch ms. */
  readonly at: number;
  readonly source: KeptExplanation['source'];
  readonly request: { readonly method: string; readonly url: string };
  /** Of a large pool the candidates that were not reached. */
  readonly candidatesOmitted: number;
  /** Those that retries and hedges had to make. */
  readonly laterChoices: readonly ExplainedChoice[];
  /** Null where it did not have to wait for a place. */
  readonly waited: ExplainedWait | null;
  /** In the order in which they ended. */
  readonly attempts: readonly AttemptRecord[];
  /** Null where no hedge was due, or each that was has been sent. */
  readonly hedgeHeldBack: HedgeHeldBack | null;
  /** Of the response to the client. */
  readonly status: number;
  /** What the edge itself answered with; null where an origin or the cache did. */
  readonly error: string | null;
  readonly cacheStatus: string | null;
  /** Until the response began, ms. */
  readonly tookMs: number;
}

/** Together they keep an explanation well below the 64 KiB that are stored of one. */
const CANDIDATES_MAX = 64;
const LATER_CANDIDATES_MAX = 16;
const LATER_CHOICES_MAX = 12;
const URL_CHARACTERS_MAX = 2_048;
const POOLS_MAX = 32;
const TIERS_MAX = 16;

export class DecisionRecord implements ChoiceRecord {
  readonly id: string;
  readonly source: KeptExplanation['source'];
  readonly #startedAt: number;
  readonly #request: Explanation['request'];
  #explained: Explained = NOTHING_EXPLAINED;
  #choices: ExplainedChoice[] = [];
  #waited: ExplainedWait | null = null;
  #hedgeHeldBack: HedgeHeldBack | null = null;
  #error: string | null = null;
  #visit: { readonly attempts: readonly AttemptRecord[] | null } = { attempts: null };

  constructor(id: string, source: KeptExplanation['source'], startedAt: number, method: string, url: string) {
    this.id = id;
    this.source = source;
    this.#startedAt = startedAt;
    this.#request = { method, url: this.#shown(url) };
  }

  /** Whose attempts are told. */
  follow(visit: { readonly attempts: readonly AttemptRecord[] | null }): void {
    this.#visit = visit;
  }

  routed({ version, healthEpoch }: EdgeSnapshot, route: string | null): void {
    this.#explained = { ...this.#explained, configVersion: version, healthEpoch, route };
  }

  /** The edge answers by itself. Where that ended the request before the cache was asked, it stands in that place. */
  failed(code: string): void {
    this.#error = code;
    if (this.#explained.cache !== NOTHING_EXPLAINED.cache) return;
    this.#explained = { ...this.#explained, cache: { decision: 'refused', reason: code } };
  }

  cached(place: Pick<Explained, 'cacheKey' | 'slot' | 'shard'>, cache: CacheDecision): void {
    const cacheKey = place.cacheKey === null ? null : this.#shown(place.cacheKey);
    this.#explained = { ...this.#explained, ...place, cacheKey, cache };
  }

  poolChosen(pool: string, path: readonly PoolStep[], plan: AttemptPlan): void {
    const poolPath = path.slice(0, POOLS_MAX);
    this.#explained = { ...this.#explained, pool, poolPath, plan };
  }

  backendChosen(
    pool: RuntimePool,
    { candidates, tiers, selection }: Pick<ExplainedSelection, 'candidates' | 'tiers' | 'selection'>,
    at: number,
  ): void {
    // Who waits for a place, or asks again less strictly, has chosen once.
    if (this.#choices.at(-1)?.chosen === null) this.#choices.pop();
    const isFirst = this.#choices.length === 0;
    const max = isFirst ? CANDIDATES_MAX : LATER_CANDIDATES_MAX;
    if (isFirst) {
      const lines = tierLines(pool, tiers).slice(0, TIERS_MAX);
      const shown = lines.map((line) => ({
        ...line,
        backends: line.backends.slice(0, LATER_CANDIDATES_MAX),
      }));
      this.#explained = { ...this.#explained, tiers: shown };
    }
    this.#choices.push({
      at,
      pool: pool.name,
      candidates: candidateLines(pool, candidates.slice(0, max)),
      candidatesOmitted: Math.max(0, candidates.length - max),
      chosen: selection.type === 'backend' ? (pool.backends[selection.backend]?.id ?? null) : null,
    });
  }

  waitedInLine(wait: ExplainedWait): void {
    this.#waited = wait;
  }

  /** A hedge was due; where a backend was chosen for it, that is not acted on. */
  hedgeHeldBack(why: HedgeHeldBack): void {
    if (why !== 'deadline') this.#choices.pop();
    this.#hedgeHeldBack = why;
  }

  /** The response is decided. */
  explanation({ status, headers }: Pick<Response, 'status' | 'headers'>, endedAt: number): KeptExplanation {
    const [first, ...laterChoices] = this.#choices;
    const { id, source } = this;
    const explanation: Explanation = {
      id,
      at: this.#startedAt,
      source,
      request: this.#request,
      ...this.#explained,
      candidates: first?.candidates ?? [],
      candidatesOmitted: first?.candidatesOmitted ?? 0,
      chosen: first?.chosen ?? null,
      laterChoices: laterChoices.slice(0, LATER_CHOICES_MAX),
      waited: this.#waited,
      attempts: this.#visit.attempts ?? [],
      hedgeHeldBack: this.#hedgeHeldBack,
      status,
      error: this.#error,
      cacheStatus: headers.get('cache-status'),
      tookMs: endedAt - this.#startedAt,
    };
    return { id, source, route: this.#explained.route, text: JSON.stringify(explanation) };
  }

  /** Who asked knows the query; of others it may hold what is nobody's business. */
  #shown(url: string): string {
    const query = this.source === 'sample' ? url.indexOf('?') : -1;
    return (query < 0 ? url : `${url.slice(0, query)}?…`).slice(0, URL_CHARACTERS_MAX);
  }
}
