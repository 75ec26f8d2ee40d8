// The distribution lab: every strategy beside the npm packages and the published settings of other balancers, over
// sizes, weights and key popularities.
import { seededRandom } from '../../core/random.ts';
import { describeEnvironment, type Environment } from '../environment.ts';
import type { NumberRow } from '../number-row.ts';
import {
  KEY_LENGTH,
  type Member,
  makeKeys,
  makeMembers,
  WEIGHT_PATTERNS,
  type WeightPattern,
  zipf,
} from '../workload.ts';
import type { Contender } from './contender.ts';
import {
  bestMs,
  loadOf,
  type Movement,
  movementOf,
  ownersOf,
  pickNs,
  type Spread,
  spreadOf,
  weigh,
} from './measure.ts';
import { consistentHashPackage, hashringPackage, NPM_PACKAGES } from './npm-packages.ts';
import { measureNumbers } from './numbers.ts';
import { OWN_STRATEGIES } from './own-strategies.ts';
import { PLAIN_RINGS } from './plain-rings.ts';

export interface DistributionOptions {
  readonly quick: boolean;
  readonly seed: number;
  /** One line each. */
  readonly progress: (line: string) => void;
}

export interface DistributionRow {
  readonly contender: string;
  readonly backends: number;
  readonly weights: WeightPattern;
  /** By exact arc, where there is a ring to measure. */
  readonly arcs: Spread | null;
  /** By distinct keys, each asked for once; by chance alone their counts spread too (see the row of `random`). */
  readonly uniform: Spread;
  /** By the same keys with popularity r^−1.1, which tells where keys are pinned only. */
  readonly zipf: Spread;
  /** When one more backend comes, and when one goes; null where keys are not pinned. */
  readonly onAdd: Movement | null;
  readonly onRemove: Movement | null;
  readonly buildMs: number;
  readonly memoryBytes: number;
  readonly pickNs: number;
  readonly picksPerSecond: number;
}

export interface DistributionReport {
  readonly lab: 'distribution';
  readonly environment: Environment;
  readonly keys: { readonly count: number; readonly length: number; readonly zipfExponent: number };
  readonly rows: readonly DistributionRow[];
  readonly numbers: readonly NumberRow[];
}

const BACKENDS = [10, 50, 200, 1000] as const;
const ZIPF_EXPONENT = 1.1;
const KEYS = 65_536;
const KEYS_QUICK = 8192;

const CONTENDERS: readonly Contender[] = [
  ...OWN_STRATEGIES,
  hashringPackage,
  consistentHashPackage,
  ...PLAIN_RINGS,
];

interface Traffic {
  readonly keys: readonly string[];
  /** Popularity of each key, together 1. */
  readonly even: Float64Array;
  readonly skewed: Float64Array;
}

function measureRow(
  contender: Contender,
  backends: number,
  weights: WeightPattern,
  traffic: Traffic,
  { quick, seed }: DistributionOptions,
): DistributionRow {
  const { keys } = traffic;
  const build = (members: readonly Member[]) => contender.build(members, seededRandom(seed));
  const onePlus = makeMembers(backends + 1, WEIGHT_PATTERNS[weights]);
  const members = onePlus.slice(0, backends);
  const { made: built, ms, bytes } = weigh(() => build(members), quick);
  const rebuildMs = quick && ms > 10 ? ms : bestMs(() => build(members), quick ? 0 : 200);

  const owners = ownersOf(built, keys);
  const popularity = contender.keyed ? traffic.skewed : traffic.even;
  const ns = pickNs(built, keys, quick ? 30 : 150);
  return {
    contender: contender.name,
    backends,
    weights,
    arcs: built.shares ? spreadOf(contender, members, built.shares()) : null,
    uniform: spreadOf(contender, members, loadOf(owners, backends, traffic.even)),
    zipf: spreadOf(contender, members, loadOf(owners, backends, popularity)),
    onAdd: contender.keyed ? movementOf(onePlus, ownersOf(build(onePlus), keys), owners) : null,
    onRemove: contender.keyed
      ? movementOf(members, owners, ownersOf(build(members.slice(0, -1)), keys))
      : null,
    buildMs: Math.min(ms, rebuildMs),
    memoryBytes: bytes,
    pickNs: ns,
    picksPerSecond: 1e9 / ns,
  };
}

/** The rows for these numbers of backends: every contender with every weight pattern. */
export function measureRows(
  options: DistributionOptions,
  sizes: readonly number[],
  contenders: readonly Contender[] = CONTENDERS,
): DistributionRow[] {
  const keys = makeKeys(options.quick ? KEYS_QUICK : KEYS, seededRandom(options.seed));
  const traffic = { keys, even: zipf(keys.length, 0), skewed: zipf(keys.length, ZIPF_EXPONENT) };
  const rows: DistributionRow[] = [];
  for (const backends of sizes) {
    for (const weights of Object.keys(WEIGHT_PATTERNS) as WeightPattern[]) {
      options.progress(`distribution: ${backends} backends, weights ${weights}`);
      for (const contender of contenders) {
        rows.push(measureRow(contender, backends, weights, traffic, options));
      }
    }
  }
  return rows;
}

/** Quick: an eighth of the keys and fewer repetitions; some 20 s against two minutes. */
export function runDistribution(options: DistributionOptions): DistributionReport {
  const rows = measureRows(options, BACKENDS);
  options.progress('distribution: numbers to reach');
  const { quick, seed } = options;
  return {
    lab: 'distribution',
    environment: describeEnvironment({ seed, quick }, NPM_PACKAGES),
    keys: { count: quick ? KEYS_QUICK : KEYS, length: KEY_LENGTH, zipfExponent: ZIPF_EXPONENT },
    rows,
    numbers: measureNumbers(options),
  };
}
