// Kinds of test: pure ones in plain Node, thousands of simulated runs, a few large files inside workerd, and whole-product
// ones over HTTP.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'node',
          include: ['test/{unit,contract,conformance,simulation}/**/*.test.ts', 'test/tidy.test.ts'],
          exclude: ['test/simulation/profiles.test.ts'],
          environment: 'node',
        },
      },
      {
        test: {
          name: 'simulation',
          include: ['test/simulation/profiles.test.ts'],
          environment: 'node',
        },
      },
      './test/workerd/vitest.config.ts',
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          environment: 'node',
          // They mostly wait; behind all others, so that nothing that computes disturbs their clocks.
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
