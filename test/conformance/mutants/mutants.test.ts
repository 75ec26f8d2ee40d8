// The conformance cases can fail: each deliberate bug in the cache's decisions is noticed by some of them.
import { Worker } from 'node:worker_threads';
import { beforeAll, describe, expect, it } from 'vitest';
import { checkMutant } from '../../../simulate/mutants/plant.ts';
import { DEVIATIONS } from '../deviations.ts';
import { CACHE_MUTANTS } from './cache-mutants.ts';

interface Noticed {
  /** Ids of the cases that fail without any mutant. */
  readonly untouched: readonly string[];
  /** Of each mutant. */
  readonly caught: readonly (readonly string[])[];
}

let noticed: Noticed = { untouched: [], caught: [] };

beforeAll(async () => {
  for (const mutant of CACHE_MUTANTS) checkMutant(mutant);
  const thread = new Worker(new URL('./mutant-thread.ts', import.meta.url), {
    workerData: { mutants: CACHE_MUTANTS },
  });
  noticed = await new Promise((resolve, reject) => {
    thread.once('message', resolve);
    thread.once('error', reject);
  });
  await thread.terminate();
}, 60_000);

describe('a bug in the cache', () => {
  it('is not there without a mutant', () => {
    expect(noticed.untouched).toEqual(Object.keys(DEVIATIONS));
  });

  it.each(CACHE_MUTANTS.map(({ name }, i) => [name, i] as const))('is noticed: %s', (_name, i) => {
    const untouched = new Set(noticed.untouched);
    expect(noticed.caught[i]?.filter((id) => !untouched.has(id))).not.toEqual([]);
  });
});
