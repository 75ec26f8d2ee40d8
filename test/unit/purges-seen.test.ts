// What a lookup needs of a group once this isolate has had something purged there.
import { describe, expect, it } from 'vitest';
import { createPurgesSeen } from '../../core/replication/purges-seen.ts';
import { atLeast, type ReadNeed } from '../../core/replication/read-need.ts';
import type { Viewstamp } from '../../core/replication/viewstamp.ts';

const early = { view: 1, op: 9 };
const late = { view: 2, op: 3 };

describe('atLeast', () => {
  it.each<[ReadNeed, Viewstamp | null, ReadNeed]>([
    [{ level: 'linearizable' }, late, { level: 'linearizable' }],
    [{ level: 'any' }, late, { level: 'any' }],
    [{ level: 'bounded' }, null, { level: 'bounded' }],
    [{ level: 'bounded' }, early, { level: 'session', seen: early }],
    [{ level: 'session', seen: early }, null, { level: 'session', seen: early }],
    [{ level: 'session', seen: early }, late, { level: 'session', seen: late }],
    [{ level: 'session', seen: late }, early, { level: 'session', seen: late }],
  ])('of %j after a purge at %j is %j', (need, purge, expected) => {
    expect(atLeast(need, purge)).toEqual(expected);
  });
});

describe('the purges that an isolate has seen', () => {
  it('never go back, group by group', () => {
    const seen = createPurgesSeen();
    expect(seen.lastIn('a')).toBeNull();
    seen.saw('a', late);
    seen.saw('a', early);
    seen.saw('b', early);
    expect([seen.lastIn('a'), seen.lastIn('b')]).toEqual([late, early]);
  });

  it('are bounded in number', () => {
    const seen = createPurgesSeen();
    for (let i = 0; i < 5_000; i++) seen.saw(`g${i}`, early);
    const kept = Array.from({ length: 5_000 }, (_, i) => seen.lastIn(`g${i}`)).filter(
      (mark) => mark !== null,
    );
    expect(kept.length).toBeLessThanOrEqual(1_024);
    expect(seen.lastIn('g4999')).toEqual(early);
  });
});
