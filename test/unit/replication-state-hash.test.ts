// Replicas whose states differ: who notices, who is believed, and what becomes of the one that is wrong.
import { describe, expect, it } from 'vitest';
import type { HashMark } from '../../core/replication/messages.ts';
import { put, Solo } from '../support/solo.ts';

/** A primary of `members` that has applied ten ops, and compares at every fifth. */
function primary(members = 3): Solo {
  const solo = new Solo({ members, limits: { hashEveryOps: 5 } });
  for (let op = 1; op <= 10; op++) {
    solo.ask({ type: 'command', reqId: `r${op}`, command: put(`k${op}`, `v${op}`) });
    for (const member of [1, 2]) solo.hear(member, { type: 'prepareOk', op, commit: op - 1 });
  }
  solo.now += 500;
  solo.run({ type: 'timer', name: 'heartbeat' });
  return solo;
}

function told(solo: Solo, member: number, mark: HashMark | null): void {
  const id = `${solo.state.nonce}.${solo.state.primary?.lastRound}`;
  solo.hear(member, { type: 'confirmOk', id, clock: { s: 1, nonce: 'b' }, mark });
}

const markAt = (solo: Solo, op: number): HashMark => {
  const mark = solo.state.hashMarks.find((one) => one.op === op);
  if (mark === undefined) throw new Error(`There is no mark at op ${op}`);
  return mark;
};
const other = ({ op, hash }: HashMark): HashMark => ({ op, hash: hash ^ 1 });
const events = (solo: Solo) => solo.effects.filter(({ type }) => type === 'event');

describe('state hashes', () => {
  it('are noted every so many ops, and come with each confirmation', () => {
    expect(primary().state.hashMarks.map(({ op }) => op)).toEqual([5, 10]);
    const backup = new Solo({ members: 3, member: 1, limits: { hashEveryOps: 1 } });
    const items = [{ reqId: 'r1', digest: '1', command: put('k', 'v') }];
    const entries = [{ op: 1, view: 0, t: 1, items }];
    backup.hear(0, { type: 'prepare', prev: { view: 0, op: 0 }, entries, commit: 1 });
    expect(backup.hear(0, { type: 'confirm', id: 'x.1', isHeard: true, echo: null })).toMatchObject([
      { type: 'confirmOk', mark: { op: 1, hash: backup.state.head.stateHash } },
    ]);
  });

  it('that agree, or of ops that nobody else has noted, mean nothing', () => {
    const solo = primary();
    told(solo, 1, markAt(solo, 10));
    told(solo, 2, { op: 15, hash: 1 });
    told(solo, 2, null);
    expect(solo.sent().map(({ type }) => type)).not.toContain('quarantine');
    expect(events(solo)).toEqual([]);
  });

  it('that differ between two are no verdict: a majority decides', () => {
    const solo = primary();
    const right = markAt(solo, 10);
    told(solo, 2, other(right));
    expect(solo.sent(2)).toEqual([]);
    told(solo, 1, right);
    expect(solo.sent(2)).toEqual([{ type: 'quarantine', ...right }]);
    expect(solo.sent(1)).toEqual([]);
  });

  it('in which the primary stands alone depose it: it leads nobody, and takes the state in anew', () => {
    const solo = primary();
    const wrong = markAt(solo, 10);
    told(solo, 1, other(wrong));
    told(solo, 2, other(wrong));
    expect(solo.state).toMatchObject({ primary: null, view: 1, isInstalling: true });
    expect(events(solo)).toMatchObject([{ name: 'state-differs', detail: { member: 0, op: 10 } }]);
    expect(solo.written()).toEqual(expect.arrayContaining(['installing', 'view']));
  });
});

describe('a member in quarantine', () => {
  it('serves nothing and takes the state in anew; its log stays, and with it what it voted for', () => {
    const backup = new Solo({ members: 3, member: 1, limits: { hashEveryOps: 1 } });
    const items = [{ reqId: 'r1', digest: '1', command: put('k', 'v') }];
    backup.hear(0, {
      type: 'prepare',
      prev: { view: 0, op: 0 },
      entries: [{ op: 1, view: 0, t: 1, items }],
      commit: 1,
    });
    const mark = markAt(backup, 1);
    // Of a hash that it does not have, or of an op that it does not know, it is not told twice.
    backup.hear(0, { type: 'quarantine', ...mark });
    backup.hear(0, { type: 'quarantine', op: 7, hash: 7 });
    expect(backup.state.isInstalling).toBe(false);
    backup.hear(0, { type: 'quarantine', ...other(mark) });
    expect(backup.state.isInstalling).toBe(true);
    expect(events(backup)).toMatchObject([{ name: 'state-differs', detail: { shard: 0, member: 1, op: 1 } }]);
    expect(backup.ask({ type: 'read', key: 'k', lease: 'none', level: 'any' })).toEqual({
      type: 'not-ready',
      reason: 'installing',
    });
    expect(backup.boot().isInstalling).toBe(true);
    expect(backup.state.log.last).toEqual({ view: 0, op: 1 });
    backup.hear(0, { type: 'installFrom', source: 2, firstOp: 1 });
    expect(backup.sent(2)).toEqual([{ type: 'snapshotAsk', id: null, after: null, atLeast: 0 }]);
  });
});
