// Kinds of test: pure ones in plain Node, thousands of simulated runs, a few large files inside workerd, and whole-product
// ones over HTTP.
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.ts';
import { testWorkers as maxWorkers } from './test/support/test-workers.ts';

// A busy machine is no failure.
const testTimeout = 60_000;

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'node',
          include: ['test/{unit,contract,conformance,simulation}/**/*.test.ts', 'test/tidy.test.ts'],
          exclude: ['test/simulation/profiles.test.ts'],
          environment: 'node',
          maxWorkers,
          testTimeout,
          // What is pure needs no process of its own for each file.
          isolate: false,
        },
      },
      {
        test: {
          name: 'simulation',
          include: ['test/simulation/profiles.test.ts'],
          environment: 'node',
          maxWorkers,
          testTimeout,
        },
      },
      './test/workerd/vitest.config.ts',
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          environment: 'node',
          // They mostly wait; behind all others, so that nothing that computes disturbs their clocks.
          maxWorkers: Math.max(4, maxWorkers),
          sequence: { groupOrder: 1 },
          testTimeout,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
