// The figures that the design sets as goals for these strategies, each measured in this run beside what it is
// compared with, so that ratios hold whatever the machine.
import { aliasTable } from '../../core/load-balancing/alias-table.ts';
import { type Random, seededRandom } from '../../core/random.ts';
import { buildHashRing, type HashRing } from '../../core/sharding/hash-ring.ts';
import { hashKey } from '../../core/sharding/key-hash.ts';
import { type NumberRow, row } from '../number-row.ts';
import { type Member, makeKeys, makeMembers } from '../workload.ts';
import type { Contender } from './contender.ts';
import { hotKeyNumbers } from './hot-key-numbers.ts';
import { maglevNumbers } from './maglev-numbers.ts';
import { bestMs, bestsMs, movementOf, ownersOf, weigh } from './measure.ts';
import { consistentHashPackage, hashringPackage } from './npm-packages.ts';
import { OWN_STRATEGIES } from './own-strategies.ts';

const DEFAULTS = { maxShare: 1.1, seed: 0 };
const KEYS = 65_536;
const PICKS = 1_000_000;

/** Largest deviation of a share from its fair share, as a factor from 1. */
function worstShare(members: readonly Member[], ring: HashRing): { max: number; deviation: number } {
  const total = members.reduce((sum, { weight }) => sum + weight, 0);
  const ratios = members.map(({ weight }, i) => ((ring.shares[i] ?? 0) * total) / weight);
  return { max: Math.max(...ratios), deviation: Math.max(...ratios.map((ratio) => Math.abs(ratio - 1))) };
}

function evenness(): NumberRow[] {
  const rows: NumberRow[] = [];
  for (const [count, goal] of [
    [10, 1.05],
    [100, 1.1],
    [1000, 1.12],
  ] as const) {
    const members = makeMembers(count, [1]);
    const { max } = worstShare(members, buildHashRing(members, DEFAULTS));
    rows.push(row(`ring: max/average share by arc, ${count} backends`, max, 'ratio', '≤', goal));
  }
  // Other ids, other points: what 100 pools of ten get.
  const pools = Array.from({ length: 100 }, (_, seed) => {
    const members = makeMembers(10, [1]);
    return worstShare(members, buildHashRing(members, { maxShare: 1.1, seed })).max;
  });
  pools.sort((a, b) => a - b);
  rows.push(row('ring: the same for 10 backends, median of 100 pools', pools[49] ?? 0, 'ratio', '≤', 1.05));
  rows.push(row('ring: the same for 10 backends, 95th of 100 pools', pools[94] ?? 0, 'ratio', '≤', 1.05));

  const weighted = makeMembers(100, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  for (const [maxShare, goal] of [
    [1.1, 0.08],
    [1.05, 0.05],
  ] as const) {
    const ring = buildHashRing(weighted, { maxShare, seed: 0 });
    const { deviation } = worstShare(weighted, ring);
    const what = `100 backends of weight 1–10, maxShare ${maxShare}`;
    rows.push(row(`ring: share furthest from its target, ${what}`, deviation, 'ratio', '≤', goal));
    rows.push(row(`ring: memory, ${what}`, ring.bytes, 'bytes'));
  }
  const hundred = makeMembers(100, [1]);
  rows.push(
    row('ring: memory, 100 backends of equal weight', buildHashRing(hundred, DEFAULTS).bytes, 'bytes'),
  );
  return rows;
}

function needless(contender: Contender, keys: readonly string[]): number {
  const members = makeMembers(100, [1]);
  const owners = (of: readonly Member[]) => ownersOf(contender.build(of, seededRandom(0)), keys);
  return movementOf(members, owners(members), owners(members.slice(0, -1))).needless;
}

// One function for each thing that is timed: a shared one would be compiled for all of them at once, and time that.

function hashAll(keys: readonly string[]): number {
  let sum = 0;
  for (let i = 0; i < keys.length; i++) sum ^= hashKey(keys[i] as string);
  return sum;
}

function locateAll(ring: HashRing, keys: readonly string[]): number {
  let sum = 0;
  for (let i = 0; i < keys.length; i++) sum ^= ring.locate(hashKey(keys[i] as string));
  return sum;
}

function readAll(keys: readonly string[]): number {
  let sum = 0;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string;
    let at = 0;
    for (const lastFour = key.length - 3; at < lastFour; at += 4) {
      sum += key.charCodeAt(at) ^ key.charCodeAt(at + 1) ^ key.charCodeAt(at + 2) ^ key.charCodeAt(at + 3);
    }
    for (; at < key.length; at++) sum += key.charCodeAt(at);
  }
  return sum;
}

function pickAll(pick: (key: string) => unknown, keys: readonly string[]): unknown {
  let last: unknown;
  for (let i = 0; i < keys.length; i++) last = pick(keys[i] as string);
  return last;
}

function drawAll(draw: (random: Random) => number, random: Random): number {
  let sum = 0;
  for (let i = 0; i < PICKS; i++) sum ^= draw(random);
  return sum;
}

function lookups(keys: readonly string[], budgetMs: number): NumberRow[] {
  const perKey = (ms: number) => (ms * 1e6) / keys.length;
  const rows = [
    row('reading a key of 57 characters, nothing else', perKey(bestMs(() => readAll(keys), budgetMs)), 'ns'),
    row('hashing it', perKey(bestMs(() => hashAll(keys), budgetMs)), 'ns'),
  ];
  for (const count of [10, 100]) {
    const members = makeMembers(count, [1]);
    const ring = buildHashRing(members, DEFAULTS);
    const hashring = hashringPackage.build(members, seededRandom(0));
    const consistent = consistentHashPackage.build(members, seededRandom(0));
    const works = [
      () => locateAll(ring, keys),
      () => pickAll(hashring.pick, keys),
      () => pickAll(consistent.pick, keys),
    ];
    const [own = 0, ofHashring = 0, ofConsistent = 0] = bestsMs(works, 3 * budgetMs).map(perKey);
    rows.push(row(`ring: lookup, hash included, ${count} backends`, own, 'ns', '≤', 100));
    rows.push(
      row(`ring: lookup, times as fast as hashring, ${count} backends`, ofHashring / own, '×', '≥', 20),
    );
    rows.push(
      row(
        `ring: lookup, times as fast as consistent-hash, ${count} backends`,
        ofConsistent / own,
        '×',
        '≥',
        1.5,
      ),
    );
  }
  const ring = buildHashRing(makeMembers(100, [1]), DEFAULTS);
  locateAll(ring, keys);
  const grown = weigh(() => locateAll(ring, keys)).bytes;
  rows.push(row('ring: memory left by a lookup', Math.floor(grown / keys.length), 'bytes', '≤', 0));
  return rows;
}

function builds(budgetMs: number): NumberRow[] {
  const members = makeMembers(100, [1]);
  const weighted = makeMembers(100, [1, 2, 4]);
  const works = [
    () => buildHashRing(members, DEFAULTS),
    () => buildHashRing(weighted, DEFAULTS),
    () => hashringPackage.build(members, seededRandom(0)),
  ];
  const [own = 0, ownWeighted = 0, other = 0] = bestsMs(works, 3 * budgetMs);
  return [
    row('ring: build, 100 backends', own, 'ms'),
    row("ring: build, against hashring's, 100 backends", own / other, '×', '≤', 1.5),
    row("ring: build, against hashring's, 100 backends of weight 1, 2, 4", ownWeighted / other, '×'),
  ];
}

/** Quick: shorter timings. A few seconds. */
export function measureNumbers({
  quick,
  seed,
}: {
  readonly quick: boolean;
  readonly seed: number;
}): NumberRow[] {
  const budgetMs = quick ? 200 : 1000;
  const keys = makeKeys(KEYS, seededRandom(seed));
  const own = OWN_STRATEGIES.find(({ name }) => name === 'consistent-hash');
  if (!own) throw new Error('Cannot measure the ring: there is no strategy "consistent-hash"');
  const draw = aliasTable(makeMembers(100, [1, 2, 4]).map(({ weight }) => weight));
  const random = seededRandom(seed);
  return [
    ...evenness(),
    row('ring: keys that move without need when one of 100 leaves', needless(own, keys), 'ratio', '≤', 0),
    ...lookups(keys, budgetMs),
    ...builds(budgetMs),
    ...maglevNumbers(keys, budgetMs),
    ...hotKeyNumbers(quick, seed),
    row(
      'weighted random: pick, 100 backends',
      (bestMs(() => drawAll(draw, random), budgetMs) * 1e6) / PICKS,
      'ns',
      '≤',
      15,
    ),
  ];
}
