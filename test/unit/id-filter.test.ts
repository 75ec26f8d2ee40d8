// The filter that tells of an id that it was surely never added.
import { expect, it } from 'vitest';
import { IdFilter } from '../../durable-objects/storage/id-filter.ts';

const idOf = (i: number) => `0123456789abcdef0123456789abcdef-${i.toString(36)}`;

it('misses none of those that were added, and seldom takes another for one', () => {
  const filter = new IdFilter();
  const ids = 200_000;
  for (let i = 0; i < ids; i++) filter.add(idOf(i), i);
  for (let i = 0; i < ids; i++) if (!filter.mayHave(idOf(i))) throw new Error(`missed ${idOf(i)}`);
  let wrong = 0;
  for (let i = ids; i < 2 * ids; i++) if (filter.mayHave(idOf(i))) wrong += 1;
  expect(wrong / ids).toBeLessThan(0.02);
});

it('forgets those whose places are gone, and never one that is still there', () => {
  const filter = new IdFilter();
  const ids = 150_000;
  for (let i = 0; i < ids; i++) filter.add(idOf(i), i);
  filter.forgetBefore(140_000);
  for (let i = 140_000; i < ids; i++) expect(filter.mayHave(idOf(i))).toBe(true);
  expect(filter.mayHave(idOf(5))).toBe(false);
  filter.forgetBefore(ids);
  expect(filter.mayHave(idOf(ids - 1))).toBe(false);
});

it('goes on when it is full, with less certainty', () => {
  const filter = new IdFilter();
  const ids = 16 * 65_536 + 70_000;
  for (let i = 0; i < ids; i++) filter.add(idOf(i), i);
  for (let i = ids - 1_000; i < ids; i++) expect(filter.mayHave(idOf(i))).toBe(true);
});
