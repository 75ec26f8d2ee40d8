// What every scenario stands on: the product, four origins and a load of 200 GET/s. Each run has a pool of its own
// name, so that what an isolate has learned in one run says nothing in the next.
import type { ConfigDocument } from '../../core/config/schema.ts';
import type { NumberRow } from '../number-row.ts';
import { type RunningLoop, startLoop } from '../open-loop.ts';
import { type EdgeProcess, startEdgeProcess } from './edge-process.ts';
import { type OriginProcess, startOriginProcess } from './origin-process.ts';
import { until } from './until.ts';

type PoolDocument = NonNullable<ConfigDocument['pools']>[string];
export type StrategyType = NonNullable<NonNullable<PoolDocument['strategy']>['type']>;

/** Those that look at how each backend is doing. */
export const LOAD_AWARE: readonly StrategyType[] = ['least-requests', 'peak-ewma'];

export const PER_SECOND = 200;
const NAMES = ['a', 'b', 'c', 'd'] as const;
/** What probes ask for; users ask for other paths. */
export const PROBE_PATH = '/up';

export interface Stand {
  readonly edge: EdgeProcess;
  /** In the order of their ids, all alive and unscripted when a run begins. */
  readonly origins: readonly OriginProcess[];
  /** The last of them, to which everything happens. */
  readonly victim: OriginProcess;
  readonly others: readonly OriginProcess[];
  /** Fewer seconds where a scenario has a choice. */
  readonly quick: boolean;
  stop(): Promise<void>;
}

/** One scenario under one strategy. */
export interface Run {
  readonly scenario: string;
  readonly strategy: StrategyType;
  readonly numbers: readonly NumberRow[];
  readonly notes: readonly string[];
}

export async function startStand({ quick, seed }: { quick: boolean; seed: number }): Promise<Stand> {
  const origins = await Promise.all(NAMES.map((name, i) => startOriginProcess(name, seed + i)));
  const edge = await startEdgeProcess();
  const [a, b, c, victim] = origins as [OriginProcess, OriginProcess, OriginProcess, OriginProcess];
  return {
    edge,
    origins,
    victim,
    others: [a, b, c],
    quick,
    async stop() {
      await edge.stop();
      await Promise.all(origins.map((origin) => origin.stop()));
    },
  };
}

/** A document of one pool over all origins. Keyed strategies go by the path. `first` comes first in the list. */
export function documentOf(
  stand: Stand,
  name: string,
  strategy: StrategyType,
  settings: PoolDocument,
  first?: OriginProcess,
): ConfigDocument {
  const ordered = [...stand.origins].sort((a, b) => Number(b === first) - Number(a === first));
  const backends = ordered.map(({ name: id, url }) => ({ id, url }));
  return {
    pools: { [name]: { backends, strategy: { type: strategy, key: ['path'] }, ...settings } },
    routes: [{ id: 'all', pool: name }],
  };
}

/** All origins alive and forgetful, and the edge serving by the document. */
export async function prepare(stand: Stand, document: ConfigDocument): Promise<void> {
  await Promise.all(stand.origins.map((origin) => origin.revive()));
  await Promise.all(stand.origins.map((origin) => origin.reset()));
  await stand.edge.configure(document);
}

/** The load of every scenario, begun: another path each time, so that keyed strategies spread. */
export async function load(stand: Stand): Promise<RunningLoop> {
  const loop = startLoop({ url: stand.edge.url, perSecond: PER_SECOND, path: (n) => `/user/${n}` });
  await loop.started;
  return loop;
}

/** When each of the users' requests came to these origins, epoch ms. The dead are passed over. */
export async function arrivals(origins: readonly OriginProcess[]): Promise<number[]> {
  const ledgers = await Promise.all(origins.map((origin) => origin.ledger('/user/*')));
  return ledgers.flat().map(({ at }) => at);
}

/** Why the edge would pass over the backend now: 'healthy' when it would not. */
export async function reasonOf(stand: Stand, backend: string): Promise<string> {
  const json = { url: `${stand.edge.url}/user/0` };
  const { candidates } = await stand.edge.admin<{
    candidates: readonly { readonly backend: string; readonly reason: string }[];
  }>('POST', 'explain', json);
  return candidates.find((candidate) => candidate.backend === backend)?.reason ?? 'not a candidate';
}

export const untilReason = (stand: Stand, backend: string, reasons: readonly string[]): Promise<void> =>
  until(
    async () => reasons.includes(await reasonOf(stand, backend)),
    `${backend} to be ${reasons.join(' or ')}`,
  );
