// The question to the balancing core: who is asking (the strategy's key), how each backend is (the snapshot's
// verdicts, this isolate's ejections), and who has been tried.
import type { ExplainedSelection } from '../../core/load-balancing/explain-selection.ts';
import type { HealthState } from '../../core/load-balancing/health.ts';
import {
  type Refusal,
  refusal,
  type SelectionQuestion,
  type SoftRefusal,
} from '../../core/load-balancing/refusals.ts';
import { healthyShare, type Selection, selectBackend } from '../../core/load-balancing/select-backend.ts';
import { SelectionRecord } from '../../core/load-balancing/selection-record.ts';
import { type KeySource, strategyKey } from '../../core/load-balancing/strategy-key.ts';
import type { EdgeSnapshot } from '../config-snapshot.ts';
import { limitOf } from './backend-limits.ts';
import type { ClientAffinity } from './client-affinity.ts';
import type { ClientPlace } from './client-region.ts';
import { ejectedUntil, verdictOf } from './ejections.ts';
import { selectionLayers } from './pool-layers.ts';
import type { RuntimeBackend, RuntimePool } from './pool-registry.ts';

/** Of a visit: what a choice depends on. */
export interface Asking extends KeySource, ClientPlace {
  readonly snapshot: EdgeSnapshot;
  /** Where the client belongs; of no meaning for other pools than its own. */
  readonly affinity?: Pick<ClientAffinity, 'pool' | 'pinned'> | null;
}

export type Choice =
  | {
      readonly type: 'backend';
      readonly index: number;
      readonly backend: RuntimeBackend;
      /** Set where too few are healthy, and nobody better may be tried. */
      readonly panic: Panic | null;
    }
  /** `detail` says how many there are and why none may be tried. */
  | (Extract<Selection, { type: 'no-backend' }> & { readonly detail: string });

/** Where choices are written down (decision-record.ts). */
export interface ChoiceRecord {
  backendChosen(
    pool: RuntimePool,
    choice: Pick<ExplainedSelection, 'candidates' | 'tiers' | 'selection'>,
    at: number,
  ): void;
}

export interface Panic {
  /** What else would keep the backend out. */
  readonly despite: SoftRefusal;
  readonly healthy: number;
  readonly eligible: number;
}

/** `tried`: indexes of this request's earlier attempts; `record`: where the choice is written down. */
export function chooseBackend(
  asking: Asking,
  pool: RuntimePool,
  tried: readonly number[],
  nowMs: number,
  record: ChoiceRecord | null = null,
): Choice {
  const question = selectionQuestion(asking, pool, tried, nowMs);
  const selection = record ? recorded(question, pool, record, nowMs) : selectBackend(question);
  if (selection.type === 'no-backend') return { ...selection, detail: whyNone(pool, question) };
  const backend = pool.backends[selection.backend];
  if (!backend) throw new Error(`Pool "${pool.name}" has no backend ${selection.backend}`);
  const panic =
    selection.reason === 'last-resort' ? { despite: selection.despite, ...healthyShare(question) } : null;
  return { type: 'backend', index: selection.backend, backend, panic };
}

function recorded(
  question: SelectionQuestion,
  pool: RuntimePool,
  record: ChoiceRecord,
  nowMs: number,
): Selection {
  const looks = new SelectionRecord(question);
  const selection = selectBackend({ ...question, record: looks });
  record.backendChosen(
    pool,
    { candidates: looks.candidates(selection), tiers: looks.tiers(), selection },
    nowMs,
  );
  return selection;
}

export function selectionQuestion(
  asking: Asking,
  pool: RuntimePool,
  tried: readonly number[],
  nowMs: number,
  affinity = asking.affinity,
): SelectionQuestion {
  return {
    balancer: pool.balancer,
    backends: pool.config.backends,
    key: pool.balancer.usesKey ? strategyKey(asking, pool.config.strategy.key) : '',
    pool: pool.viewAt(nowMs),
    healthOf: healthOf(asking, pool),
    isEjected: (index) => ejectedUntil(asking.snapshot, pool, pool.backends[index]?.id ?? '', nowMs) !== null,
    limitOf: (index) => {
      const backend = pool.backends[index];
      return backend ? limitOf(backend, nowMs) : null;
    },
    pinned: affinity?.pool.name === pool.name ? affinity.pinned : null,
    layers: pool.layers && selectionLayers(asking, pool, pool.layers, nowMs),
    panicThreshold: pool.config.panic.threshold,
    tried,
  };
}

/** A pool that is not probed has healthy backends; one that is, has its initial state until a verdict. */
function healthOf(
  { snapshot }: Asking,
  { name, config, backends }: RuntimePool,
): (index: number) => HealthState {
  const initial = config.health?.initial ?? 'healthy';
  if (!config.health) return () => initial;
  return (index) => verdictOf(snapshot, name, backends[index]?.id ?? '')?.state ?? initial;
}

const WORDS: Record<Refusal, string> = {
  disabled: 'is disabled',
  draining: 'is draining',
  'zero-weight': 'has weight 0',
  'already-tried': 'was tried',
  'at-capacity': 'has as many requests in flight as it may',
  'circuit-open': 'is behind an open circuit',
  unhealthy: 'is unhealthy',
  ejected: 'is ejected',
};

function whyNone({ name, config }: RuntimePool, question: SelectionQuestion): string {
  const { length } = config.backends;
  const reasons = config.backends.map(({ id }, index) => {
    const reason = refusal(question, index);
    return `${id} ${reason === null ? 'is not the one that the client is pinned to' : WORDS[reason]}`;
  });
  const why = length === 0 ? 'it has none' : `0 of ${length} may be tried (${reasons.join(', ')})`;
  return `Cannot pick a backend in pool "${name}": ${why}`;
}
