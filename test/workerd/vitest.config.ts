// Tests that run inside workerd, beside the Durable Objects they look into: the product's, open to faults.
import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';
import { testWorkers } from '../support/test-workers.ts';

export default defineConfig({
  plugins: [
    cloudflareTest({
      main: '../support/faulty-worker.ts',
      wrangler: { configPath: '../../wrangler.toml' },
    }),
  ],
  test: { name: 'workerd', include: ['*.test.ts'], maxWorkers: testWorkers, testTimeout: 60_000 },
});
