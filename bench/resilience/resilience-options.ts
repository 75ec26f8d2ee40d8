// The resilience lab's own options on the command line.
import type { Command } from 'commander';
import { STRATEGY_TYPES } from '../../core/config/strategy-schema.ts';
import { namedList } from '../list-options.ts';
import { SCENARIOS, type Scenario } from './run-resilience.ts';
import type { StrategyType } from './stand.ts';

export interface ResilienceFlags {
  readonly scenario?: readonly Scenario[];
  readonly strategy?: readonly { readonly name: StrategyType }[];
}

export function addResilienceOptions(command: Command): void {
  command
    .option(
      '--scenario <list>',
      'which of the workloads below (default: all)',
      namedList('scenario', SCENARIOS),
    )
    .option(
      '--strategy <list>',
      `which of: ${STRATEGY_TYPES.join()} (default: those that a workload says something about)`,
      namedList(
        'strategy',
        STRATEGY_TYPES.map((name) => ({ name })),
      ),
    );
}

export function resilienceInputs({ scenario, strategy }: ResilienceFlags) {
  return { scenarios: scenario ?? SCENARIOS, strategies: strategy?.map(({ name }) => name) ?? null };
}
