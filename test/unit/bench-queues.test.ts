// The queue lab's simulation against what queueing theory knows, and its command line.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { CONTENDERS, type Contender, JOIN_SHORTEST } from '../../bench/queues/contenders.ts';
import { EventHeap } from '../../bench/queues/event-heap.ts';
import { runLength } from '../../bench/queues/run-length.ts';
import { runQueues } from '../../bench/queues/run-queues.ts';
import { type QueueRun, simulateQueues, WITHIN } from '../../bench/queues/simulate-queues.ts';
import { WORKLOADS, type Workload } from '../../bench/queues/workloads.ts';
import { seededRandom } from '../../core/random.ts';

const contender = (name: string): Contender => {
  const found = CONTENDERS.find((one) => one.name === name);
  if (!found) throw new Error(`no contender ${name}`);
  return found;
};
const workload = (name: string): Workload => {
  const found = WORKLOADS.find((one) => one.name === name);
  if (!found) throw new Error(`no workload ${name}`);
  return found;
};

interface Changes extends Partial<QueueRun> {
  readonly requests?: number;
}

const run = (strategy: string, dispatchers: number, { requests = 200_000, ...changes }: Changes = {}) =>
  simulateQueues({
    workload: workload('homogeneous'),
    contender: contender(strategy),
    backends: 100,
    dispatchers,
    load: 0.8,
    length: runLength(0.8, 100, requests),
    seed: 1,
    ...changes,
  });

/** The time that one of a hundred requests exceeds, by the share of requests that exceed a time. */
function p99Of(exceeding: (time: number) => number): number {
  let low = 0;
  let high = 1000;
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (exceeding(middle) > 0.01) low = middle;
    else high = middle;
  }
  return low;
}

/** k services, exponential, together longer than `time`. */
function erlangTail(k: number, time: number): number {
  let term = Math.exp(-time);
  let sum = 0;
  for (let i = 0; i < k; i++) {
    sum += term;
    term *= time / (i + 1);
  }
  return sum;
}

/** Two choices among infinitely many queues (Mitzenmacher 2001): the share with k or more requests is ρ^(2^k − 1). */
function twoChoicesTail(load: number, time: number): number {
  let tail = 0;
  for (let k = 1; k < 12; k++) {
    const joinsAt = (length: number) => (load ** (2 ** length - 1)) ** 2;
    tail += (joinsAt(k - 1) - joinsAt(k)) * erlangTail(k, time);
  }
  return tail;
}

describe('the queue simulation', () => {
  // Each tolerance is three times the scatter of the figure over eight seeds: 1.3, 0.07, 0.75 and 0.03 service times.

  it('finds the 99th percentile of a hundred random queues where M/M/1 has it: ln 100 / (1 − ρ), 23.0', () => {
    const { p99, p50 } = run('random', 1);
    const exact = Math.log(100) / 0.2;
    expect(Math.abs(p99 - exact)).toBeLessThan(3.9);
    // The median scatters by 2 %.
    expect(Math.abs(p50 / (Math.log(2) / 0.2) - 1)).toBeLessThan(0.06);
  });

  it('finds that of one dispatcher with two choices where the mean field has it, 7.4', () => {
    const exact = p99Of((time) => twoChoicesTail(0.8, time));
    expect(exact).toBeCloseTo(7.38, 1);
    expect(Math.abs(run('least-requests', 1).p99 - exact)).toBeLessThan(0.21);
  });

  it('finds that two choices of a thousand dispatchers, each seeing its own requests, are random: 22', () => {
    expect(Math.abs(run('least-requests', 1000).p99 - 22)).toBeLessThan(2.3);
  });

  it('finds that whoever sees all queues leaves hardly more than the service itself: ln 100 to 4.7', () => {
    const { p99 } = run(JOIN_SHORTEST, 1);
    expect(p99).toBeGreaterThan(Math.log(100) - 0.09);
    expect(p99).toBeLessThan(4.7 + 0.09);
  });

  it('gives the same figures for the same seed, and others for another', () => {
    const few = { requests: 5_000 };
    expect(run('peak-ewma', 10, few)).toEqual(run('peak-ewma', 10, few));
    expect(run('peak-ewma', 10, few)).not.toEqual(run('peak-ewma', 10, { ...few, seed: 2 }));
  });

  it('gives the same figures whatever the number of threads', async () => {
    const report = (threads: number) =>
      runQueues({
        ...{ quick: true, seed: 3, backends: 20, requests: 2_000, loads: [0.7], dispatchers: [1, 9] },
        workloads: [workload('homogeneous'), workload('dies')],
        contenders: ['random', 'least-requests', 'consistent-hash, bounded', JOIN_SHORTEST].map(contender),
        threads,
        progress: () => {},
      });
    const [alone, several] = [await report(1), await report(3)];
    expect(several.rows).toEqual(alone.rows);
    // Two of each but for who sees all, in the order of what was asked for.
    expect(alone.rows.map(({ strategy, dispatchers }) => `${strategy} ${dispatchers}`).slice(0, 7)).toEqual([
      ...['random 1', 'random 9', 'least-requests 1', 'least-requests 9'],
      ...['consistent-hash, bounded 1', 'consistent-hash, bounded 9', `${JOIN_SHORTEST} 1`],
    ]);
  });

  it('finds the same for any number of dispatchers under those of whom it takes that for granted', () => {
    const few = { requests: 5_000, workload: workload('slow-tenth') };
    for (const { name, isBlind } of CONTENDERS) {
      if (isBlind) expect(run(name, 7, few), name).toEqual(run(name, 1, few));
    }
  });

  it('goes on until p99 is known, and says how well', () => {
    // A hundred random queues take longer to get known than whoever sees all of them.
    const length = { ...runLength(0.7, 100, null), batch: 2_000, most: 640_000 };
    const calm = { load: 0.7, length };
    const [chance, shortest] = [run('random', 1, calm), run(JOIN_SHORTEST, 1, calm)];
    expect(shortest.requests).toBeLessThan(chance.requests);
    expect(shortest.p99Within).toBeLessThanOrEqual(WITHIN);
    expect(chance.p99Within).toBeLessThanOrEqual(WITHIN);
    const exact = Math.log(100) / 0.3;
    // Three times the half of the interval: six deviations.
    expect(Math.abs(chance.p99 / exact - 1)).toBeLessThan(3 * WITHIN);
    const short = run('random', 1, { load: 0.7, length: { ...length, most: 20_000 } });
    expect(short.requests).toBe(20_000);
    expect(short.p99Within).toBeGreaterThan(WITHIN);
  });

  it('says where a queue grows without end, and does not wait for it', () => {
    const grows = run('random', 1, {
      ...{ workload: workload('slow-tenth'), backends: 10, load: 0.9 },
      length: runLength(0.9, 10, null),
    });
    expect(grows.isStable).toBe(false);
    expect(grows.requests).toBe(10 * runLength(0.9, 10, null).batch);
    expect(run('least-requests', 1, { workload: workload('slow-tenth'), requests: 20_000 }).isStable).toBe(
      true,
    );
  });

  it('tells a story several times, and knows from that how sure its end is', () => {
    const once = { ...runLength(0.8, 100, null), stories: 1 };
    const one = run('least-requests', 10, { workload: workload('dies'), length: once });
    const ten = run('least-requests', 10, { workload: workload('dies'), length: runLength(0.8, 100, null) });
    expect(one.p99Within).toBeNull();
    expect(ten.p99Within).toBeGreaterThan(0);
    expect(ten.requests / one.requests).toBeCloseTo(10, 1);
  });

  it('offers the load that was asked for, also where some backends are slow', () => {
    // The busier of two backends; a sum of 8,000 services scatters by 1.1 %, so does its number of requests.
    for (const name of ['homogeneous', 'slow-tenth']) {
      const { busiest } = run('random', 1, { workload: workload(name), requests: 20_000, backends: 2 });
      const expected = name === 'homogeneous' ? 0.8 : (0.8 * (1 + 1 / 3) * 3) / 2;
      expect(Math.abs(busiest / expected - 1), name).toBeLessThan(0.05);
    }
  });

  it('shows that a backend that fails fast attracts whoever counts queues only, and nobody of the product', () => {
    const failing = { workload: workload('fails-fast'), requests: 20_000 };
    expect(run(JOIN_SHORTEST, 1, failing).troubledShare).toBeGreaterThan(2);
    for (const strategy of ['least-requests', 'peak-ewma']) {
      for (const dispatchers of [1, 100]) {
        expect(run(strategy, dispatchers, failing).troubledShare, strategy).toBeLessThanOrEqual(1.2);
      }
    }
  });

  it('shows that slow start spares those who would wait at a cold backend', () => {
    const without = run('random', 10, { workload: workload('dies') });
    const withIt = run('random', 10, { workload: workload('dies-slow-start') });
    expect(without.failureRatio).toBeGreaterThan(0);
    expect(withIt.troubledShare).toBeLessThan((without.troubledShare ?? 0) / 2);
    expect(withIt.p999).toBeLessThan(without.p999 / 1.3);
  });
});

describe('the event heap', () => {
  it('gives back what was put in by time', () => {
    const random = seededRandom(1);
    const heap = new EventHeap();
    const times = Array.from({ length: 3_000 }, () => random.next());
    for (const [item, time] of times.entries()) heap.push(time, item);
    const out = times.map(() => times[heap.pop()]);
    expect(out).toEqual([...times].sort((a, b) => a - b));
    expect(heap.pop()).toBe(-1);
    expect(heap.nextAt).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('npm run bench -- queues', () => {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const bench = (...args: string[]) =>
    spawnSync(process.execPath, ['bench/main.ts', 'queues', ...args], { cwd: root, encoding: 'utf8' });

  it('says in its help which workloads there are', () => {
    const { stdout, status } = bench('--help');
    expect(status).toBe(0);
    for (const { name, summary } of WORKLOADS) expect(stdout).toMatch(new RegExp(`${name} +${summary}`));
  });

  it('prints one JSON value of what was asked for, progress apart', () => {
    const { stdout, stderr, status } = bench(
      ...['--workload', 'homogeneous', '--strategy', 'random,consistent-hash, bounded'],
      ...['--dispatchers', '1,5', '--load', '0.5', '--requests', '2000', '--json', '--seed', '7'],
    );
    expect(status, stderr).toBe(0);
    const { rows, environment } = JSON.parse(stdout);
    expect(rows).toHaveLength(4);
    expect(environment.seed).toBe(7);
    expect(stderr).toContain('queues: homogeneous, load 0.5');
  });

  it.each([
    [['--workload', 'calm'], "There is no workload 'calm'"],
    [['--strategy', 'random,best'], "There is no strategy 'best'"],
    [['--load', '1.5'], 'from 0.01 to 0.99'],
    [['--dispatchers', '0.5'], 'whole numbers from 1 to 10000'],
  ])('refuses %j in one line', (args, message) => {
    const { stdout, stderr, status } = bench(...args);
    expect(status).not.toBe(0);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});
