// How long after its commit a purge is strict.
import { expect, it } from 'vitest';
import { strictAfterMs } from '../../core/replication/strict-purge.ts';

it('a purge is strict when the slowest clock has counted the bound by the fastest, and a moment more', () => {
  for (const boundMs of [1_000, 5_000, 60_000]) {
    const slowestReaderMs = (boundMs / 0.99) * 1.01;
    expect(strictAfterMs(boundMs)).toBeGreaterThanOrEqual(slowestReaderMs + 250);
    expect(strictAfterMs(boundMs)).toBeLessThan(slowestReaderMs * 1.01 + 252);
  }
});
