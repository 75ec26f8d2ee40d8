// The replication core under faults: whole runs of three real replicas over a simulated network, one per seed.
import { describe, expect, it } from 'vitest';
import { runSeed } from './run-seed.ts';

const SEEDS = 200;

describe('a group under faults', () => {
  it(`keeps every promise in ${SEEDS} seeded runs`, { timeout: 60_000 }, () => {
    const sum = { acknowledgedWrites: 0, openWrites: 0, reads: 0, crashes: 0 };
    for (let seed = 1; seed <= SEEDS; seed++) {
      try {
        const run = runSeed(seed);
        sum.acknowledgedWrites += run.acknowledgedWrites;
        sum.openWrites += run.openWrites;
        sum.reads += run.reads;
        sum.crashes += run.crashes;
      } catch (cause) {
        throw new Error(`Seed ${seed}: ${cause instanceof Error ? cause.message : cause}`, { cause });
      }
    }
    // A run in which nothing happens proves nothing: of 30,000 operations these shares at least must have been.
    expect(sum.acknowledgedWrites).toBeGreaterThan(10_000);
    expect(sum.reads).toBeGreaterThan(10_000);
    expect(sum.openWrites).toBeGreaterThan(100);
    expect(sum.crashes).toBeGreaterThan(200);
  });

  it('does the same again for the same seed', () => {
    expect(runSeed(7).trace).toBe(runSeed(7).trace);
    expect(runSeed(7).trace).not.toBe(runSeed(8).trace);
  });

  it('runs the same code with one member, and with five', { timeout: 20_000 }, () => {
    for (let seed = 1; seed <= 10; seed++) {
      expect(runSeed(seed, { members: 1 }).acknowledgedWrites).toBeGreaterThan(20);
      expect(runSeed(seed, { members: 5 }).acknowledgedWrites).toBeGreaterThan(20);
    }
  });
});
