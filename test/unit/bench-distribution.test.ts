// The lab's own arithmetic, checked on sets small enough to know the answer; and its command line.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { arcShares } from '../../bench/distribution/arc-shares.ts';
import type { Contender } from '../../bench/distribution/contender.ts';
import { distributionTable } from '../../bench/distribution/distribution-table.ts';
import { loadOf, movementOf, ownersOf, spreadOf } from '../../bench/distribution/measure.ts';
import { consistentHashPackage, hashringPackage } from '../../bench/distribution/npm-packages.ts';
import { OWN_STRATEGIES } from '../../bench/distribution/own-strategies.ts';
import { PLAIN_RINGS } from '../../bench/distribution/plain-rings.ts';
import { measureRows } from '../../bench/distribution/run-distribution.ts';
import { describeEnvironment } from '../../bench/environment.ts';
import { LABS } from '../../bench/labs.ts';
import { makeKeys, makeMembers, zipf } from '../../bench/workload.ts';
import { seededRandom } from '../../core/random.ts';

const contender = (weighted: boolean): Contender => ({
  name: 'planted',
  keyed: true,
  weighted,
  build: () => ({ locate: () => 0, pick: () => 0 }),
});

describe('the workload', () => {
  it('makes distinct keys of 57 characters, the same for the same seed', () => {
    const keys = makeKeys(5000, seededRandom(1));
    expect(new Set(keys).size).toBe(5000);
    expect(keys.every((key) => key.length === 57)).toBe(true);
    expect(makeKeys(5000, seededRandom(1))).toEqual(keys);
    expect(makeKeys(5000, seededRandom(2))).not.toEqual(keys);
  });

  it('makes members of distinct ids whose weights repeat the pattern', () => {
    const members = makeMembers(300, [1, 2, 4]);
    expect(new Set(members.map(({ id }) => id)).size).toBe(300);
    expect(members.slice(0, 4).map(({ weight }) => weight)).toEqual([1, 2, 4, 1]);
  });

  it('gives popularity by r^-exponent, together 1', () => {
    const popularity = zipf(1000, 1.1);
    expect(popularity.reduce((sum, part) => sum + part, 0)).toBeCloseTo(1, 12);
    expect((popularity[0] ?? 0) / (popularity[9] ?? 1)).toBeCloseTo(10 ** 1.1, 9);
    expect(zipf(4, 0)).toEqual(Float64Array.of(0.25, 0.25, 0.25, 0.25));
  });
});

describe('the measures', () => {
  const members = [
    { id: 'a', weight: 1 },
    { id: 'b', weight: 3 },
  ];

  it('give shares against fair shares, by weight or alike', () => {
    const byWeight = spreadOf(contender(true), members, [0.25, 0.75]);
    expect(byWeight).toEqual({ max: 1, min: 1, deviation: 0 });
    const alike = spreadOf(contender(false), members, [0.25, 0.75]);
    expect(alike).toEqual({ max: 1.5, min: 0.5, deviation: 0.5 });
  });

  it('add up the popularity of the keys that a member owns', () => {
    expect(loadOf(Uint32Array.of(0, 1, 1, 0), 3, Float64Array.of(0.5, 0.25, 0.125, 0.125))).toEqual([
      0.625, 0.375, 0,
    ]);
  });

  it('tell keys that had to move from keys that had not', () => {
    const three = makeMembers(3, [1]);
    // Member 2 leaves: its two keys must move; the one from 0 to 1 need not have.
    const movement = movementOf(three, Uint32Array.of(2, 2, 0, 1), Uint32Array.of(0, 1, 1, 1));
    expect(movement).toEqual({ moved: 0.75, ideal: 1 / 3, needless: 0.25 });
  });

  it('measure arcs round the end of the circle', () => {
    const quarter = 2 ** 30;
    expect(arcShares([quarter, 2 * quarter, 3 * quarter], [0, 1, 0], 2)).toEqual([0.75, 0.25]);
  });
});

describe('the contenders', () => {
  const keys = makeKeys(4000, seededRandom(3));

  it.each([...OWN_STRATEGIES, ...PLAIN_RINGS, hashringPackage, consistentHashPackage])(
    '$name puts every key on a member, in proportion to what it says of its arcs',
    (one) => {
      const members = makeMembers(7, [1, 2, 4]);
      const built = one.build(members, seededRandom(1));
      const owners = ownersOf(built, keys);
      expect(owners.every((owner) => owner < 7)).toBe(true);
      if (one.keyed) expect(ownersOf(built, keys)).toEqual(owners);
      const load = loadOf(owners, 7, zipf(keys.length, 0));
      for (const [i, share] of (built.shares?.() ?? load).entries()) {
        // Binomial with 4,000 keys, five deviations.
        expect(Math.abs((load[i] ?? 0) - share)).toBeLessThan(
          5 * Math.sqrt((share * (1 - share)) / keys.length),
        );
      }
      const { max, min } = spreadOf(one, members, load);
      // All follow the weights, the coarsest with 16 points a weight: a deviation of 25 %.
      expect(max).toBeLessThan(2);
      expect(min).toBeGreaterThan(0.3);
    },
  );

  it.each(
    [...OWN_STRATEGIES, ...PLAIN_RINGS, hashringPackage, consistentHashPackage].filter(
      // Envoy's number of points a host depends on how many hosts there are; Maglev moves a few by design.
      ({ name, keyed }) => keyed && !name.startsWith('Envoy') && name !== 'maglev',
    ),
  )('$name moves no key without need when one of ten equal members leaves', (one) => {
    const members = makeMembers(10, [1]);
    const owners = (of: typeof members) => ownersOf(one.build(of, seededRandom(1)), keys);
    expect(movementOf(members, owners(members), owners(members.slice(0, -1))).needless).toBe(0);
  });
});

describe('the rows and the table', () => {
  it('come out the same from the same seed, but for what is measured by a clock', () => {
    const some = OWN_STRATEGIES.filter(({ name }) => name === 'maglev');
    const computed = (seed: number) =>
      measureRows({ quick: true, seed, progress: () => {} }, [2], some).map(
        ({ buildMs, memoryBytes, pickNs, picksPerSecond, ...row }) => row,
      );
    expect(computed(4)).toEqual(computed(4));
    expect(computed(4)).not.toEqual(computed(5));
  }, 20_000);

  it('hold one row for each contender and weight pattern, finite and printable', () => {
    const lines: string[] = [];
    const rows = measureRows({ quick: true, seed: 1, progress: (line) => lines.push(line) }, [3]);
    expect(rows).toHaveLength(2 * (OWN_STRATEGIES.length + PLAIN_RINGS.length + 2));
    expect(lines).toEqual([
      'distribution: 3 backends, weights equal',
      'distribution: 3 backends, weights 1:2:4',
    ]);
    for (const row of rows) {
      for (const value of [row.buildMs, row.pickNs, row.uniform.max, row.zipf.deviation]) {
        expect(Number.isFinite(value)).toBe(true);
      }
      expect(row.onAdd === null).toBe(row.onRemove === null);
    }
    const text = distributionTable({
      lab: 'distribution',
      environment: describeEnvironment({ seed: 1, quick: true }, ['hashring']),
      keys: { count: 1, length: 57, zipfExponent: 1.1 },
      rows,
      numbers: [{ figure: 'planted', measured: 2, unit: '×', goal: { relation: '≥', value: 3 }, met: false }],
    });
    expect(text).toContain('3 backends, weights 1:2:4');
    expect(text).toMatch(/planted .* 2\.00 × .* ≥ 3\.00 × .* MISSED/);
  }, 60_000);
});

describe('the command line', () => {
  const main = fileURLToPath(new URL('../../bench/main.ts', import.meta.url));
  const bench = (...args: string[]) => spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });

  it('names its labs and flags in its help', () => {
    const { status, stdout } = bench('--help');
    expect(status).toBe(0);
    for (const word of [...Object.keys(LABS), '--quick', '--json', '--seed']) expect(stdout).toContain(word);
    // Which of them a quick run of all leaves out.
    expect(stdout).toMatch(
      /With --quick and without a lab[^:]*:\n {2}overhead .*\n {2}shards .*\n {2}streams .*\n {2}torture /,
    );
  });

  it.each([
    { args: ['--nonsense'] },
    { args: ['nonsense'] },
    { args: ['distribution', '--nonsense'] },
    { args: ['distribution', 'more'] },
    { args: ['distribution', '--seed', 'one'] },
  ])('refuses what it does not know with one line on stderr: $args', ({ args }) => {
    const { status, stdout, stderr } = bench(...args);
    expect(status).not.toBe(0);
    expect(stdout).toBe('');
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toContain('error: ');
  });
});
