// The index that tells in which runs an id may be.
import { expect, it } from 'vitest';
import { hashKey } from '../../core/sharding/key-hash.ts';
import { RunIndex } from '../../durable-objects/storage/run-index.ts';

const hashOf = (i: number) => hashKey(`0123456789abcdef0123456789abcdef-${i.toString(36)}`);
const PER_RUN = 100;
const runOf = (i: number) => 1 + Math.floor(i / PER_RUN);

function filled(ids: number, tablesMax?: number): RunIndex {
  const index = new RunIndex(tablesMax);
  for (let i = 0; i < ids; i++) index.add(hashOf(i), runOf(i));
  return index;
}

it('names the run of each id, and seldom another', () => {
  const ids = 200_000;
  const index = filled(ids);
  let wrong = 0;
  for (let i = 0; i < ids; i++) {
    const runs = index.runsOf(hashOf(i));
    if (!runs.includes(runOf(i))) throw new Error(`missed id ${i}`);
    wrong += runs.length - 1;
  }
  for (let i = ids; i < 2 * ids; i++) wrong += index.runsOf(hashOf(i)).length;
  expect(wrong / (2 * ids)).toBeLessThan(0.001);
});

it('names the newest run first', () => {
  const index = new RunIndex();
  for (const run of [1, 2, 2, 70_000]) index.add(hashOf(1), run);
  expect(index.runsOf(hashOf(1))).toEqual([70_000, 2, 1]);
});

it('forgets runs that are gone, and none that is still there', () => {
  const ids = 150_000;
  const index = filled(ids);
  index.forgetBefore(runOf(140_000));
  for (let i = 140_000; i < ids; i++) expect(index.runsOf(hashOf(i))).toContain(runOf(i));
  expect(index.runsOf(hashOf(5))).toEqual([]);
  index.forgetBefore(Infinity);
  expect(index.runsOf(hashOf(ids - 1))).toEqual([]);
});

it('lets the oldest runs go when it is full, and says up to which', () => {
  const ids = 100_000;
  const index = filled(ids, 2);
  const { forgottenUpTo } = index;
  expect(forgottenUpTo).toBeGreaterThan(1);
  for (let i = 0; i < ids; i++) {
    if (runOf(i) > forgottenUpTo) expect(index.runsOf(hashOf(i))).toContain(runOf(i));
  }
  index.forgetBefore(forgottenUpTo);
  expect(index.forgottenUpTo).toBe(forgottenUpTo);
  index.forgetBefore(forgottenUpTo + 1);
  expect(index.forgottenUpTo).toBe(0);
});
