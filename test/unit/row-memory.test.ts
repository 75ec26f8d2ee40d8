// What a member remembers of rows it has read, and the header that hits of the same second share.
import { describe, expect, it } from 'vitest';
import type { StoredResponse } from '../../core/cache/stored-response.ts';
import type { Route } from '../../core/config/schema.ts';
import type { Row } from '../../core/replication/store.ts';
import { RowMemory } from '../../durable-objects/storage/row-memory.ts';
import { hitHeaders } from '../../worker/data-plane/hit-headers.ts';

const row = (key: string, bytes: number): Row => ({ key, bytes }) as Row;

describe('the memory of rows', () => {
  it('knows "none" from "not read", and forgets what is written', () => {
    const memory = new RowMemory(100_000);
    expect(memory.get('a')).toBeUndefined();
    memory.set('a', []);
    expect(memory.get('a')).toEqual([]);
    memory.forget('a');
    expect(memory.get('a')).toBeUndefined();
  });

  it('stays within its bytes, the key read in longest ago goes first, and one large key pushes out no other', () => {
    const memory = new RowMemory(100_000);
    for (let i = 0; i < 100; i++) memory.set(`k${i}`, [row(`k${i}`, 1_000)]);
    const kept = Array.from({ length: 100 }, (_, i) => i).filter((i) => memory.get(`k${i}`) !== undefined);
    expect(kept.length).toBeGreaterThan(40);
    expect(kept.length).toBeLessThan(60);
    expect(kept).toEqual(kept.map((_, i) => 100 - kept.length + i));
    memory.set('large', [row('large', 50_000)]);
    expect(memory.get('large')).toBeUndefined();
    expect(memory.get('k99')).toBeDefined();
  });

  it('counts a key once, however often it is read', () => {
    const memory = new RowMemory(40_000);
    memory.set('other', [row('other', 400)]);
    for (let i = 0; i < 1_000; i++) memory.set('a', [row('a', 400)]);
    expect(memory.get('other')).toBeDefined();
  });
});

describe('the header of hits', () => {
  const stored = { bornAt: 10_000 } as StoredResponse;
  const route = {} as Route;
  let made = 0;
  const make = () => new Headers({ n: String(++made) });
  const at = (nowMs: number, ttlSeconds: number, on = route, of = stored, collapsed = false) =>
    hitHeaders(of, on, nowMs, { ttlSeconds, collapsed }, make).get('n');

  it('is made anew with another second of age or lifetime, on another route, for another response and for who has waited', () => {
    const first = at(20_000, 50);
    expect(at(20_999, 50)).toBe(first);
    const others = [
      at(21_000, 50),
      at(21_000, 49),
      at(21_000, 49, {} as Route),
      at(21_000, 49, route, { bornAt: 10_000 } as StoredResponse),
      at(21_000, 49, route, stored, true),
    ];
    expect(new Set([first, ...others]).size).toBe(6);
  });
});
