// The live lab's own options on the command line, and what they come to.
import { type Command, InvalidArgumentError } from 'commander';
import { STRATEGY_TYPES } from '../../core/config/strategy-schema.ts';
import { InputError } from '../input-error.ts';
import { namedList, numberList, numberWithin } from '../list-options.ts';
import type { StrategyType } from '../resilience/stand.ts';
import { WORKLOADS, type Workload } from './workloads.ts';

export interface LiveFlags {
  readonly workload?: readonly Workload[];
  readonly strategy?: readonly { readonly name: StrategyType }[];
  readonly connections?: readonly number[];
  readonly rate?: readonly number[];
  readonly rounds?: number;
  readonly seconds?: number;
}

export interface LiveInputs {
  readonly workloads: readonly Workload[];
  readonly strategies: readonly StrategyType[];
  /** Of the closed loop; empty: no throughput is measured. */
  readonly connections: readonly number[];
  /** Requests/s of the open loop; empty: no latency is measured. */
  readonly rates: readonly number[];
  /** How often each contender has its turn. */
  readonly rounds: number;
  readonly roundMs: number;
}

const STRATEGIES: readonly StrategyType[] = ['round-robin', 'least-requests', 'consistent-hash', 'peak-ewma'];
const STRATEGIES_QUICK: readonly StrategyType[] = ['round-robin', 'consistent-hash'];
const CONNECTIONS: readonly number[] = [32];
const RATES: readonly number[] = [200, 1_000];
const RATES_QUICK: readonly number[] = [300];
const PLAN = { rounds: 5, roundMs: 500 };
const PLAN_QUICK = { rounds: 2, roundMs: 400 };

/** "none" leaves that half of the lab out. */
const orNone = (parse: (text: string) => number[]) => (text: string) => (text === 'none' ? [] : parse(text));

function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0.1 && value <= 600)) {
    throw new InvalidArgumentError('It must be a number from 0.1 to 600.');
  }
  return value;
}

export function addLiveOptions(command: Command): void {
  const strategies = STRATEGY_TYPES.map((name) => ({ name }));
  command
    .option(
      '--workload <list>',
      'which of the workloads below (default: all)',
      namedList('workload', WORKLOADS),
    )
    .option(
      '--strategy <list>',
      `of the proxying product (default: ${STRATEGIES.join()}; --quick ${STRATEGIES_QUICK.join()})`,
      namedList('strategy', strategies),
    )
    .option(
      '--connections <list>',
      `of the closed loop, for requests/s; or none (default: ${CONNECTIONS.join()})`,
      orNone(numberList(1, 1_000, true)),
    )
    .option(
      '--rate <list>',
      `requests/s of the open loop, for latency; or none (default: ${RATES.join()}; --quick ${RATES_QUICK.join()})`,
      orNone(numberList(1, 100_000, true)),
    )
    .option(
      '--rounds <count>',
      `turns of each contender (default: ${PLAN.rounds}; --quick ${PLAN_QUICK.rounds})`,
      (text) => numberWithin(text, 1, 1_000, true),
    )
    .option(
      '--seconds <number>',
      `of each turn (default: ${PLAN.roundMs / 1_000}; --quick ${PLAN_QUICK.roundMs / 1_000}); longer for less than 150 requests`,
      seconds,
    )
    .addHelpText(
      'after',
      [
        '\nWorkloads, GET of 1 KiB but for the last; ratios are against the contender in brackets:',
        ...WORKLOADS.map(({ name, summary, base }) => `  ${name.padEnd(10)} ${summary} (${base})`),
        '\nBeside the product: plain Workers and objects on the same workerd; nginx, haproxy and varnishd where they are on',
        'the PATH. Contenders take turns, round after round. Latency counts from when a request was due, not from when it',
        'could be sent; users come at random, by --seed.',
      ].join('\n'),
    );
}

export function liveInputs(flags: LiveFlags, quick: boolean): LiveInputs {
  const plan = quick ? PLAN_QUICK : PLAN;
  if (flags.connections?.length === 0 && flags.rate?.length === 0) {
    throw new InputError('With neither connections nor a rate there is nothing to measure.');
  }
  return {
    workloads: flags.workload ?? WORKLOADS,
    strategies: flags.strategy?.map(({ name }) => name) ?? (quick ? STRATEGIES_QUICK : STRATEGIES),
    connections: flags.connections ?? CONNECTIONS,
    rates: flags.rate ?? (quick ? RATES_QUICK : RATES),
    rounds: flags.rounds ?? plan.rounds,
    roundMs: flags.seconds === undefined ? plan.roundMs : flags.seconds * 1_000,
  };
}
