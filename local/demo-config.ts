// The configuration that `npm start` shows: four mock origins, taken in turn, one part of the paths cached.
import type { ConfigDocument } from '../core/config/schema.ts';

export const DEMO_ORIGINS = ['a', 'b', 'c', 'd'] as const;

/** `urls` in the order of DEMO_ORIGINS. */
export function demoConfig(urls: readonly string[]): ConfigDocument {
  return {
    pools: {
      demo: {
        backends: DEMO_ORIGINS.map((id, i) => ({ id, url: urls[i] ?? '' })),
        strategy: { type: 'round-robin' },
        health: { path: '/health', intervalMs: 2_000, timeoutMs: 1_000, rise: 2, fall: 2 },
      },
    },
    routes: [
      {
        id: 'cached',
        match: { paths: ['/cache/*'] },
        pool: 'demo',
        cache: { enabled: true },
        response: { exposeBackend: true },
      },
      { id: 'everything', pool: 'demo', response: { exposeBackend: true } },
    ],
  };
}

/** Whether a document is the demo's, for whatever ports the origins had: then another run may bring it up to date. */
export function isDemoConfig(document: unknown): boolean {
  const { pools } = document as ConfigDocument;
  const urls = (pools?.demo?.backends ?? []).map(({ url }) => url);
  return JSON.stringify(sorted(document)) === JSON.stringify(sorted(demoConfig(urls)));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, member]) => [key, sorted(member)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
