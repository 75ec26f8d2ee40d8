// Tests that run inside workerd, beside the Durable Objects they look into.
import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [cloudflareTest({ wrangler: { configPath: '../../wrangler.toml' } })],
  test: { name: 'workerd', include: ['*.test.ts'], testTimeout: 30_000 },
});
