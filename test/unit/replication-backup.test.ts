// A backup, message by message: what it verifies, writes, votes for and refuses.
import { describe, expect, it } from 'vitest';
import type { LogEntry, MessageBody } from '../../core/replication/messages.ts';
import type { Viewstamp } from '../../core/replication/viewstamp.ts';
import { entry, put, Solo } from '../support/solo.ts';

const START: Viewstamp = { view: 0, op: 0 };

function prepare(prev: Viewstamp, entries: readonly LogEntry[], commit = 0): MessageBody {
  return { type: 'prepare', prev, entries, commit };
}

/** Member 1 of three: view 0 has member 0 as primary, view 2 has member 2, view 3 member 0 again. */
function backup(): Solo {
  return new Solo({ members: 3, member: 1 });
}

function logOf(member: Solo): string[] {
  return member.store.logEntries(0, 1e9).map(({ op, view }) => `${view}.${op}`);
}

it('a log that is cut in the step that replaced its suffix begins behind what stands there now', () => {
  const member = new Solo({ members: 3, member: 1, limits: { logOps: 1, logBytes: 1 } });
  member.hear(
    0,
    prepare(
      START,
      [1, 2, 3, 4].map((op) => entry(op, 0, `old-${op}`)),
    ),
  );
  const anew = [1, 2, 3, 4].map((op) => entry(op, 2, `new-${op}`));
  member.hear(2, prepare(START, anew, 4), { view: 2 });
  expect(member.written()).toContain('truncatePrefix');
  expect(member.state.log.before).toEqual({ view: 2, op: member.state.log.before.op });
  const { op } = member.state.log.before;
  expect(member.hear(2, prepare({ view: 2, op }, [], 4), { view: 2 })).toMatchObject([
    { type: 'prepareOk', op },
  ]);
});

describe('a prepare that fits', () => {
  it('is written and voted for in one transaction', () => {
    const member = backup();
    const sent = member.hear(0, prepare(START, [entry(1, 0, 'a'), entry(2, 0, 'b')]));
    expect(sent).toEqual([{ type: 'prepareOk', op: 2, commit: 0 }]);
    expect(member.written()).toEqual(['append']);
    expect(logOf(member)).toEqual(['0.1', '0.2']);
  });

  it('applies what it says is committed, with the vote', () => {
    const member = backup();
    member.hear(0, prepare(START, [entry(1, 0, 'a')]));
    const sent = member.hear(0, prepare({ view: 0, op: 1 }, [], 1));
    expect(sent).toEqual([{ type: 'prepareOk', op: 1, commit: 1 }]);
    expect(member.written()).toEqual(['putRow', 'dedupe', 'applied']);
    expect(member.store.rows('k').map(({ value }) => value.meta)).toEqual(['a']);
  });

  it('that says nothing new is voted for behind a touched row', () => {
    const member = backup();
    member.hear(0, prepare(START, [entry(1, 0, 'a')]));
    expect(member.hear(0, prepare(START, [entry(1, 0, 'a')]))).toEqual([
      { type: 'prepareOk', op: 1, commit: 0 },
    ]);
    expect(member.written()).toEqual(['touch']);
    expect(logOf(member)).toEqual(['0.1']);
  });

  it('does not commit beyond what it verified, though the log is longer', () => {
    const member = backup();
    member.hear(0, prepare(START, [entry(1, 0, 'a'), entry(2, 0, 'b'), entry(3, 0, 'c')]));
    const sent = member.hear(0, prepare(START, [entry(1, 0, 'a')], 3));
    expect(sent).toEqual([{ type: 'prepareOk', op: 1, commit: 1 }]);
  });

  it('says how far it went, not where the log ends', () => {
    const member = backup();
    member.hear(0, prepare(START, [entry(1, 0, 'a'), entry(2, 0, 'b')]));
    expect(member.hear(0, prepare(START, []))).toEqual([{ type: 'prepareOk', op: 0, commit: 0 }]);
  });
});

describe('a prepare that does not fit', () => {
  it('leaves a gap: it is refused with the end of the log', () => {
    const member = backup();
    member.hear(0, prepare(START, [entry(1, 0, 'a')]));
    const sent = member.hear(0, prepare({ view: 0, op: 3 }, [entry(4, 0, 'd')]));
    expect(sent).toEqual([{ type: 'prepareNack', lastOp: 1, missingChunks: [] }]);
    expect(logOf(member)).toEqual(['0.1']);
  });

  it('follows another entry: it is refused with what is committed', () => {
    const member = backup();
    member.hear(0, prepare(START, [entry(1, 0, 'a'), entry(2, 0, 'b'), entry(3, 0, 'c')], 1));
    const sent = member.hear(0, prepare({ view: 3, op: 3 }, [], 3), { view: 3 });
    expect(sent).toEqual([{ type: 'prepareNack', lastOp: 1, missingChunks: [] }]);
    expect(logOf(member)).toEqual(['0.1', '0.2', '0.3']);
  });

  it('contradicts an uncommitted suffix: the suffix goes, from there on', () => {
    const member = backup();
    member.hear(0, prepare(START, [entry(1, 0, 'a'), entry(2, 0, 'b'), entry(3, 0, 'c')], 1));
    const sent = member.hear(0, prepare({ view: 0, op: 1 }, [entry(2, 3, 'x')], 1), { view: 3 });
    expect(sent).toEqual([{ type: 'prepareOk', op: 2, commit: 1 }]);
    expect(logOf(member)).toEqual(['0.1', '3.2']);
    expect(member.store.head()).toMatchObject({ view: 3, lastLogged: { view: 3, op: 2 } });
    expect(member.boot().log).toMatchObject({ last: { view: 3, op: 2 }, bytes: member.state.log.bytes });
  });

  it('contradicts a committed op: the step stops before anything of it is done', () => {
    const member = backup();
    member.hear(0, prepare(START, [entry(1, 0, 'a'), entry(2, 0, 'b')], 2));
    const contradiction = prepare(START, [entry(1, 0, 'a'), entry(2, 3, 'x')], 2);
    expect(() => member.hear(0, contradiction, { view: 3 })).toThrow(/op 2 is contradicted, but 2 ops/);
    const otherPrev = prepare({ view: 3, op: 2 }, [], 2);
    expect(() => member.hear(0, otherPrev, { view: 3 })).toThrow(/committed op 2 is said to be of view 3/);
    expect(logOf(member)).toEqual(['0.1', '0.2']);
  });

  it('is short or old: what lies beyond it stays', () => {
    const member = backup();
    member.hear(0, prepare(START, [entry(1, 0, 'a'), entry(2, 0, 'b'), entry(3, 0, 'c')]));
    member.hear(0, prepare(START, [entry(1, 0, 'a')]));
    expect(logOf(member)).toEqual(['0.1', '0.2', '0.3']);
  });
});

describe('bodies in chunks', () => {
  const item = (hash: string) => ({
    reqId: hash,
    digest: hash,
    command: {
      type: 'put',
      key: 'k',
      value: { meta: hash, body: { type: 'chunks', hashes: [hash], bytes: 9 } },
      condition: null,
      ttlMs: null,
      tags: [],
    } as const,
  });
  const big: LogEntry = { op: 2, view: 0, t: 1_000_020, items: [item('h1')] };

  it('are waited for: entries up to there are written, none of them is voted for', () => {
    const member = backup();
    const sent = member.hear(0, prepare(START, [entry(1, 0, 'a'), big, entry(3, 0, 'c')]));
    expect(sent).toEqual([{ type: 'prepareNack', lastOp: 1, missingChunks: ['h1'] }]);
    expect(logOf(member)).toEqual(['0.1']);
  });

  it('arrive before their entry: then it counts', () => {
    const member = backup();
    expect(member.hear(0, { type: 'chunk', hash: 'h1', bytes: new Uint8Array(9) })).toContainEqual({
      type: 'chunkOk',
      hash: 'h1',
    });
    expect(member.written()).toEqual(['chunk']);
    const sent = member.hear(0, prepare(START, [entry(1, 0, 'a'), big]));
    expect(sent).toEqual([{ type: 'prepareOk', op: 2, commit: 0 }]);
  });
});

describe('views', () => {
  it('a newer one is promised durably before anything is said in it', () => {
    const member = backup();
    const sent = member.hear(2, prepare(START, [entry(1, 2, 'a')]), { view: 2 });
    expect(sent).toEqual([{ type: 'prepareOk', op: 1, commit: 0 }]);
    expect(member.written()).toEqual(['view', 'append']);
    expect(member.boot().view).toBe(2);
  });

  it('an older one is refused, and nothing of it is done', () => {
    const member = backup();
    member.hear(2, prepare(START, []), { view: 2 });
    const sent = member.hear(0, prepare(START, [entry(1, 0, 'a')]), { view: 0 });
    expect(sent).toEqual([{ type: 'refuse', reason: 'old-view' }]);
    expect(member.written()).toEqual([]);
  });

  it('a primary that meets a newer one is none any more, and says who is', () => {
    const primary = new Solo({ members: 3 });
    const queued = primary.ask({ type: 'command', reqId: 'r', command: put('k', 'a') });
    expect(queued).toBeUndefined();
    primary.hear(2, prepare(START, []), { view: 2 });
    expect(primary.ask({ type: 'read', key: 'k', lease: 'none' })).toEqual({
      type: 'not-primary',
      view: 2,
      primary: 2,
    });
  });
});

it('a prepare of the protocol before this one is understood', () => {
  const member = backup();
  const sent = member.hear(0, prepare(START, [entry(1, 0, 'a')]), { protocol: 1 });
  expect(sent).toEqual([{ type: 'prepareOk', op: 1, commit: 0 }]);
});

describe('messages that are wrong', () => {
  const good = prepare(START, [entry(1, 0, 'a')]);
  const unordered: LogEntry = { ...entry(2, 0, 'b'), t: 1 };

  it.each([
    ['another protocol', { protocol: 4 }, good, 'unknown-protocol'],
    ['another group', { groupId: 'g2' }, good, 'unknown-group'],
    ['a member that is none', { from: 7 }, good, 'unknown-member'],
    ['this member itself', { from: 1 }, good, 'unknown-member'],
    ['another addressee', { to: 2 }, good, 'unknown-member'],
    ['a member that is not the primary of its view', { from: 2 }, good, 'malformed'],
    ['a view of which this member is the primary', { from: 0, view: 1 }, good, 'malformed'],
    ['entries with a gap', {}, prepare(START, [entry(1, 0, 'a'), entry(3, 0, 'c')]), 'malformed'],
    ['logged time that goes back', {}, prepare(START, [entry(1, 0, 'a'), unordered]), 'malformed'],
    ['entries of a later view than its own', {}, prepare(START, [entry(1, 3, 'a')]), 'malformed'],
    ['a commit index that is no count', {}, prepare(START, [], -1), 'malformed'],
  ])('from %s are refused with the reason', (_, extra, body, reason) => {
    const member = backup();
    expect(member.hear(0, body, extra)).toEqual([{ type: 'refuse', reason }]);
    expect(member.written()).toEqual([]);
    expect(member.store.head().lastLogged.op).toBe(0);
  });

  it('an answer is never answered, whatever is wrong with it', () => {
    const member = backup();
    expect(member.hear(0, { type: 'prepareOk', op: 9, commit: 9 }, { protocol: 4 })).toEqual([]);
    expect(member.hear(0, { type: 'refuse', reason: 'lost' }, { groupId: 'g2' })).toEqual([]);
  });
});
