// The resilience lab: the product on plain workerd before four origin processes under 200 GET/s, one fault after the
// other, each under every strategy that it says something about.
import { STRATEGY_TYPES } from '../../core/config/strategy-schema.ts';
import { describeEnvironment, type Environment } from '../environment.ts';
import { allDown } from './all-down.ts';
import { backendDies } from './backend-dies.ts';
import { backendFailsFast, failsFastAndIsEjected } from './backend-fails-fast.ts';
import { backendIsSlow } from './backend-is-slow.ts';
import { comesBack } from './comes-back.ts';
import { PER_SECOND, type Run, type Stand, type StrategyType, startStand } from './stand.ts';
import { weightsChange } from './weights-change.ts';

export interface ResilienceOptions {
  readonly quick: boolean;
  readonly scenarios: readonly Scenario[];
  /** null: those that each scenario says something about. */
  readonly strategies: readonly StrategyType[] | null;
  /** Of the origins' chance; the edge's own is not ours to seed. */
  readonly seed: number;
  /** One line each. */
  readonly progress: (line: string) => void;
}

export interface ResilienceReport {
  readonly lab: 'resilience';
  readonly environment: Environment;
  readonly load: { readonly requestsPerSecond: number; readonly backends: number };
  readonly runs: readonly Run[];
}

export interface Scenario {
  readonly name: string;
  readonly summary: string;
  readonly run: (stand: Stand, strategy: StrategyType) => Promise<Run>;
  readonly strategies: readonly StrategyType[];
  readonly strategiesQuick: readonly StrategyType[];
}

const TYPICAL: readonly StrategyType[] = ['round-robin', 'consistent-hash', 'least-requests', 'peak-ewma'];

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'death',
    summary: 'one of four backends dies under load',
    run: backendDies,
    strategies: STRATEGY_TYPES,
    strategiesQuick: TYPICAL,
  },
  {
    name: 'fast failure',
    summary: 'one answers 503 at once; ejections off',
    run: backendFailsFast,
    strategies: TYPICAL,
    strategiesQuick: ['round-robin', 'least-requests', 'peak-ewma'],
  },
  {
    name: 'fast failure with ejections',
    summary: 'the same with the default ejections',
    run: failsFastAndIsEjected,
    strategies: STRATEGY_TYPES,
    strategiesQuick: STRATEGY_TYPES,
  },
  {
    name: 'slowness',
    summary: 'one is 20 × slower, with hedging',
    run: backendIsSlow,
    strategies: STRATEGY_TYPES,
    strategiesQuick: TYPICAL,
  },
  {
    name: 'all down',
    summary: 'every backend is dead: what retries add',
    run: allDown,
    strategies: TYPICAL,
    strategiesQuick: ['round-robin'],
  },
  {
    name: 'back again',
    summary: 'a dead one comes back, with slow start',
    run: comesBack,
    // The victim is not the first of the list: first-available has nothing to share with it.
    strategies: STRATEGY_TYPES.filter((type) => type !== 'first-available'),
    strategiesQuick: ['round-robin', 'consistent-hash'],
  },
  {
    name: 'change of weights',
    summary: 'the configuration changes weights under load',
    run: weightsChange,
    strategies: TYPICAL,
    strategiesQuick: TYPICAL,
  },
];

/** Quick: shorter runs under fewer strategies; under two minutes instead of some ten. */
export async function runResilience(options: ResilienceOptions): Promise<ResilienceReport> {
  const { quick, scenarios, seed, progress } = options;
  progress('resilience: starting the product and four origins');
  const stand = await startStand({ quick, seed });
  try {
    const runs: Run[] = [];
    for (const { name, run, ...own } of scenarios) {
      for (const strategy of options.strategies ?? (quick ? own.strategiesQuick : own.strategies)) {
        progress(`resilience: ${name}, ${strategy}`);
        runs.push(await run(stand, strategy));
      }
    }
    return {
      lab: 'resilience',
      environment: describeEnvironment({ seed, quick }, ['workerd']),
      load: { requestsPerSecond: PER_SECOND, backends: stand.origins.length },
      runs,
    };
  } finally {
    await stand.stop();
  }
}
