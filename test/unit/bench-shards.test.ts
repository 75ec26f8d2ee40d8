// The shards lab's own arithmetic; the runs themselves need the whole product.
import { describe, expect, it } from 'vitest';
import type { Round } from '../../bench/overhead/summarize.ts';
import type { ContenderName } from '../../bench/shards/contenders.ts';
import { numbersOf } from '../../bench/shards/shards-numbers.ts';

const rounds = (...perSecond: number[]): Round[] =>
  perSecond.map((each) => ({ perSecond: each, cpuMicros: null, loadCpuMicros: 50 }));

describe('the goals of the shards lab', () => {
  const measured = [32, 128].map((connections) => ({
    connections,
    rounds: new Map<ContenderName, Round[]>([
      ['SQLite write by one call', rounds(1_000, 100, 1_000)],
      // Of the medians it would be 0.9: a slow round of the machine falls on both.
      ['KV write, quorum of 3', rounds(900, 120, 1_200)],
    ]),
  }));
  const writes = numbersOf(measured).filter(({ figure }) => figure.startsWith('KV write'));

  it('are judged by ratios made within each round, another one for each number of connections', () => {
    expect(writes).toMatchObject([
      { measured: 1.2, goal: { relation: '≥', value: 0.8 }, met: true },
      { measured: 1.2, goal: { relation: '≥', value: 1.3 }, met: false },
    ]);
  });

  it('have no goal where the design names none', () => {
    const hits = numbersOf(measured).filter(({ figure }) => figure.startsWith('cache hit'));
    expect(hits.map(({ goal }) => goal?.value ?? null)).toEqual([0.8, null, 0.65, null, 2, null]);
  });
});
