// A primary, step by step: batches, quorum, answers, leases, backups that are slow, gone or far behind, and silence.
import { describe, expect, it } from 'vitest';
import type { MessageBody } from '../../core/replication/messages.ts';
import { replicaStatus } from '../../core/replication/status.ts';
import { httpEntryKey, kvEntryKey } from '../../core/sharding/entry-key.ts';
import { fill, put, Solo, text, WINDOW } from '../support/solo.ts';

const KEY = kvEntryKey('ns', 'k');
const URL_KEY = httpEntryKey('http://o.test/');

function primaryOfThree(limits = {}): Solo {
  return new Solo({ members: 3, limits });
}

function ok(op: number, commit = 0): MessageBody {
  return { type: 'prepareOk', op, commit };
}

/** Asks without an answer yet; gives the caller's id. */
function submit(primary: Solo, meta: string, reqId = meta, key = KEY): number {
  primary.ask({ type: 'command', reqId, command: put(key, meta) });
  return primary.lastId;
}

/** Both backups keep up from here on. */
function warmedUp(limits = {}): Solo {
  const primary = primaryOfThree(limits);
  submit(primary, 'first');
  for (const member of [1, 2]) primary.hear(member, ok(1));
  primary.confirmFrom(1);
  primary.now += 100;
  primary.run({ type: 'timer', name: 'follow' });
  for (const member of [1, 2]) primary.hear(member, ok(1, 1));
  primary.run({ type: 'timer', name: 'resend' });
  return primary;
}

function timersSet(primary: Solo): string[] {
  return primary.effects.flatMap((effect) => (effect.type === 'setTimer' ? [effect.name] : []));
}

function preparedOps(primary: Solo, to: number): number[][] {
  return primary
    .sent(to)
    .flatMap((body) => (body.type === 'prepare' ? [body.entries.map(({ op }) => op)] : []));
}

describe('a write', () => {
  it('is appended before it is sent, and answered when a majority holds it', () => {
    const primary = warmedUp();
    const id = submit(primary, 'a');
    expect(primary.effects.map(({ type }) => type)).toEqual(['persist', 'send', 'send', 'setTimer']);
    expect(primary.answerTo(id)).toBeUndefined();
    expect(primary.read(KEY).rows.map(({ value }) => value.meta)).toEqual(['first']);
    primary.hear(2, ok(2));
    expect(primary.answerTo(id)).toMatchObject({ type: 'result', bookmark: { view: 0, op: 2 } });
    expect(primary.read(KEY).rows.map(({ value }) => value.meta)).toEqual(['a']);
  });

  it('is answered without a transaction of its own: its rows go with the next batch', () => {
    const primary = warmedUp();
    submit(primary, 'a');
    primary.hear(1, ok(2));
    expect(primary.written()).toEqual([]);
    expect(primary.store.rows(KEY)[0]?.value.meta).toBe('first');
    submit(primary, 'b');
    expect(primary.written()).toEqual(['append', 'putRow', 'dedupe', 'applied']);
    expect(primary.store.rows(KEY)[0]?.value.meta).toBe('a');
  });

  it('is not answered by the same backup twice', () => {
    const primary = new Solo({ members: 5 });
    const id = submit(primary, 'a');
    primary.hear(1, ok(1));
    primary.hear(1, ok(1));
    expect(primary.answerTo(id)).toBeUndefined();
    primary.hear(3, ok(1));
    expect(primary.answerTo(id)).toMatchObject({ type: 'result' });
  });

  it('is not answered while both backups are unreachable, however long that takes', () => {
    const primary = warmedUp();
    const id = submit(primary, 'a');
    for (let i = 0; i < 50; i++) {
      for (const effect of primary.effects) {
        if (effect.type !== 'send') continue;
        primary.run({ type: 'sendFailed', message: effect.message });
        expect(primary.answerTo(id)).toBeUndefined();
      }
      primary.now += 5_000;
      primary.run({ type: 'timer', name: 'resend' });
      expect(primary.answerTo(id)).toBeUndefined();
    }
    expect(primary.state.head.commit).toBe(1);
  });

  it('goes on with one backup unreachable', () => {
    const primary = warmedUp();
    for (let i = 0; i < 20; i++) {
      const id = submit(primary, `w${i}`);
      primary.hear(1, ok(i + 2));
      expect(primary.answerTo(id)).toMatchObject({ type: 'result' });
    }
  });
});

describe('group commit', () => {
  it('what arrives in one call is one entry; what arrives while the window is full is the next one', () => {
    const primary = warmedUp();
    for (let i = 0; i < WINDOW + 10; i++) submit(primary, `w${i}`);
    expect(primary.state.log.last.op).toBe(1 + WINDOW);
    primary.hear(1, ok(2));
    expect(timersSet(primary)).toContain('batch');
    expect(primary.state.log.last.op).toBe(1 + WINDOW);
    primary.run({ type: 'timer', name: 'batch' });
    expect(primary.state.log.last.op).toBe(2 + WINDOW);
    expect(primary.store.logEntries(2 + WINDOW, 1)[0]?.items.length).toBe(10);
  });

  it('while an entry is on its way, the next one waits until it would hold as much, or the other is back', () => {
    const primary = warmedUp();
    const clients = Array.from({ length: 3 }, (_, i) => ({
      id: 2_000 + i,
      request: { type: 'command', reqId: `z${i}`, command: put(KEY, 'v') } as const,
    }));
    primary.run({ type: 'clients', clients });
    submit(primary, 'a');
    submit(primary, 'b');
    expect(primary.state.log.last.op).toBe(2);
    submit(primary, 'c');
    expect(primary.store.logEntries(2, 1e6).map(({ items }) => items.length)).toEqual([3, 3]);
    submit(primary, 'd');
    for (const op of [2, 3]) primary.hear(1, ok(op));
    primary.run({ type: 'timer', name: 'batch' });
    expect(primary.store.logEntries(2, 1e6).map(({ items }) => items.length)).toEqual([3, 3, 1]);
  });

  it('logged time goes up with every entry, also when the clock goes back', () => {
    const primary = warmedUp();
    submit(primary, 'a');
    primary.now -= 50_000;
    submit(primary, 'b');
    const [first, second] = primary.store.logEntries(2, 1e6);
    expect(second?.t).toBe((first?.t ?? 0) + 1);
  });

  it('an entry is bounded in items and in bytes', () => {
    const byItems = warmedUp({ entryItemsMax: 3 });
    const command = (i: number) => ({ type: 'command', reqId: `x${i}`, command: put(KEY, 'v') }) as const;
    const clients = Array.from({ length: 7 }, (_, i) => ({ id: 1_000 + i, request: command(i) }));
    byItems.run({ type: 'clients', clients });
    expect(byItems.store.logEntries(2, 1e6).map(({ items }) => items.length)).toEqual([3, 3, 1]);

    const byBytes = warmedUp({ entryBytesMax: 1_000 });
    const value = text('m', 400);
    const big = (i: number) =>
      ({ type: 'command', reqId: `y${i}`, command: put(KEY, '', { value }) }) as const;
    byBytes.run({ type: 'clients', clients: clients.map(({ id }, i) => ({ id, request: big(i) })) });
    expect(byBytes.store.logEntries(2, 1e6).map(({ items }) => items.length)).toEqual([1, 1, 1, 1]);
  });

  it('a queue that is full, and a command that is too large, are refused at once', () => {
    const primary = warmedUp({ queueMax: 6 });
    for (let i = 0; i < 6; i++) submit(primary, `w${i}`);
    const refused = primary.ask({ type: 'command', reqId: 'more', command: put(KEY, 'more') });
    expect(refused).toEqual({ type: 'overloaded' });
    // It hears nobody: its queue will never empty, and the others may have another primary.
    primary.now += 2_000;
    const sentOn = primary.ask({ type: 'command', reqId: 'more', command: put(KEY, 'more') });
    expect(sentOn).toEqual({ type: 'not-ready', reason: 'recovering' });
    const value = text('m', 600_000);
    const tooLarge = primary.ask({ type: 'command', reqId: 'big', command: put(KEY, '', { value }) });
    expect(tooLarge).toMatchObject({ type: 'too-large', bytesMax: 512 * 1024 });
  });
});

describe('the same request again', () => {
  it('while it is on its way is logged once, and both callers are answered', () => {
    const primary = warmedUp();
    const first = submit(primary, 'a', 'id');
    const second = submit(primary, 'a', 'id');
    expect(primary.state.log.last.op).toBe(2);
    primary.hear(1, ok(2));
    expect(primary.answerTo(first)).toEqual(primary.answerTo(second));
    expect(primary.answerTo(first)).toMatchObject({ result: { type: 'stored' } });
  });

  it('with another command, both on their way, is a mismatch', () => {
    const primary = warmedUp();
    submit(primary, 'a', 'id');
    const second = submit(primary, 'b', 'id');
    primary.hear(1, ok(3));
    expect(primary.answerTo(second)).toMatchObject({ result: { type: 'request-mismatch' } });
  });

  it('is answered at once when it is applied, even with no quorum left', () => {
    const primary = warmedUp();
    const again = primary.ask({ type: 'command', reqId: 'first', command: put(KEY, 'first') });
    expect(again).toMatchObject({ type: 'result', result: { type: 'stored' }, bookmark: { op: 1 } });
  });
});

describe('a primary that boots', () => {
  it('answers nothing until the end of its log is committed again', () => {
    const primary = warmedUp();
    submit(primary, 'a');
    primary.hear(1, ok(2));
    primary.boot();
    expect(replicaStatus(primary.state).state).toBe('recovering');
    expect(preparedOps(primary, 1)).toEqual([[]]);
    expect(primary.ask({ type: 'read', key: KEY, lease: 'none' })).toBeUndefined();
    const read = primary.lastId;
    const write = submit(primary, 'b');
    expect(primary.state.log.last.op).toBe(2);
    primary.hear(2, ok(1));
    primary.confirmFrom(1);
    expect(primary.answerTo(read)).toBeUndefined();
    primary.hear(1, ok(2));
    primary.run({ type: 'timer', name: 'batch' });
    expect(primary.answerTo(read)).toBeUndefined();
    primary.confirmFrom(1);
    expect(primary.answerTo(read)).toMatchObject({ rows: [{ value: { meta: 'a' } }], bookmark: { op: 2 } });
    expect(replicaStatus(primary.state).state).toBe('normal');
    primary.hear(1, ok(3));
    expect(primary.answerTo(write)).toMatchObject({ type: 'result', bookmark: { op: 3 } });
  });

  it('is normal at once when all of its log was durably committed, and sleeps on until somebody asks', () => {
    const primary = warmedUp();
    primary.boot();
    expect(primary.sent(1)).toEqual([{ type: 'hello' }]);
    expect(primary.effects.every(({ type }) => type === 'send')).toBe(true);
    expect(primary.metas(KEY)).toEqual(['first']);
    expect(primary.sent(1).map(({ type }) => type)).toEqual(['prepare', 'confirm']);
  });

  it('lets reads wait for it, but not for ever', () => {
    const primary = warmedUp();
    submit(primary, 'a');
    primary.boot();
    primary.ask({ type: 'read', key: KEY, lease: 'none' });
    const id = primary.lastId;
    primary.now += 2_000;
    primary.run({ type: 'timer', name: 'resend' });
    expect(primary.answerTo(id)).toEqual({ type: 'not-ready', reason: 'recovering' });
    expect(primary.ask({ type: 'lease', key: KEY })).toEqual({ type: 'not-ready', reason: 'recovering' });
  });

  it('in a view that its log has nothing of gathers a majority and begins it with an op of its own', () => {
    const primary = new Solo({ members: 3 });
    primary.store.write([{ type: 'view', view: 3 }]);
    primary.boot();
    expect(primary.state.primary).toBeNull();
    primary.hear(1, { type: 'joinView', last: { view: 0, op: 0 } });
    expect(primary.store.logEntries(1, 1)).toMatchObject([
      { view: 3, items: [{ command: { type: 'viewStart' } }] },
    ]);
    expect(replicaStatus(primary.state).state).toBe('recovering');
    primary.hear(1, ok(1));
    expect(replicaStatus(primary.state).state).toBe('normal');
  });

  it('never counts an entry of an older view as committed on its own', () => {
    const primary = new Solo({ members: 3 });
    submit(primary, 'old');
    primary.store.write([{ type: 'view', view: 3 }]);
    primary.boot();
    primary.hear(1, { type: 'joinView', last: { view: 0, op: 0 } });
    primary.hear(1, ok(1), { view: 3 });
    expect(primary.state.head.commit).toBe(0);
    primary.hear(1, ok(2), { view: 3 });
    expect(primary.state.head.commit).toBe(2);
  });
});

describe('backups', () => {
  it('that miss a prepare get the suffix from the log, one batch at a time', () => {
    const primary = warmedUp({ entryBytesMax: 900, logOps: 1e6 });
    for (let i = 2; i <= 30; i++) {
      submit(primary, `w${i}`);
      primary.hear(1, ok(i));
    }
    primary.now += 2_000;
    primary.run({ type: 'timer', name: 'resend' });
    primary.now += 200;
    primary.run({ type: 'timer', name: 'resend' });
    let held = 1;
    let rounds = 0;
    while (held < 30 - 2 * WINDOW && rounds++ < 40) {
      const batches = preparedOps(primary, 2);
      expect(batches.length).toBe(1);
      const [batch = []] = batches;
      expect(batch[0]).toBe(held + 1);
      held = batch.at(-1) ?? held;
      primary.hear(2, ok(held, held));
    }
    expect(rounds).toBeGreaterThan(3);
    for (let op = held + 1; op <= 30; op++) primary.hear(2, ok(op, op));
    expect(replicaStatus(primary.state).backups[1]).toEqual({ member: 2, state: 'current', lagOps: 0 });
  });

  it('are asked again later and later while they do not answer', () => {
    const primary = warmedUp();
    submit(primary, 'a');
    primary.hear(1, ok(2));
    const attempts: number[] = [];
    for (let ms = 0; ms < 60_000; ms += 50) {
      primary.now += 50;
      primary.run({ type: 'timer', name: 'resend' });
      if (preparedOps(primary, 2).length > 0) attempts.push(primary.now);
    }
    const pauses = attempts.slice(1).map((at, i) => at - (attempts[i] ?? at));
    expect(pauses.length).toBeGreaterThan(5);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(1_500 + 5_000 + 100);
    expect([...pauses].sort((a, b) => a - b)).toEqual(pauses);
    // One that is heard is there again: half a second later at most.
    primary.now = (attempts.at(-1) ?? 0) + 1_500;
    primary.run({ type: 'timer', name: 'resend' });
    primary.hear(2, { type: 'probe' });
    primary.now += 499;
    primary.run({ type: 'timer', name: 'resend' });
    expect(preparedOps(primary, 2)).toEqual([]);
    primary.now += 1;
    primary.run({ type: 'timer', name: 'resend' });
    expect(preparedOps(primary, 2)).toEqual([[2]]);
  });

  it('that need more than the log still holds are reported and left alone', () => {
    const primary = warmedUp({ logOps: 5, logBytes: 0, logOpsMax: 10 });
    for (let i = 2; i <= 40; i++) {
      submit(primary, `w${i}`);
      primary.hear(1, ok(i));
    }
    primary.boot();
    primary.hear(1, ok(40));
    primary.hear(2, { type: 'prepareNack', lastOp: 1, missingChunks: [] });
    expect(replicaStatus(primary.state).backups[1]).toMatchObject({ state: 'needs-snapshot', lagOps: 40 });
    primary.now += 10_000;
    primary.run({ type: 'timer', name: 'resend' });
    expect(preparedOps(primary, 2)).toEqual([]);
  });

  it('a log that all of them hold keeps its lower bound, one that somebody lacks the upper', () => {
    const all = warmedUp({ logOps: 5, logBytes: 0, logOpsMax: 10 });
    const some = warmedUp({ logOps: 5, logBytes: 0, logOpsMax: 10 });
    for (let i = 2; i <= 40; i++) {
      submit(all, `w${i}`);
      submit(some, `w${i}`);
      for (const member of [1, 2]) all.hear(member, ok(i));
      some.hear(1, ok(i));
    }
    submit(all, 'last');
    submit(some, 'last');
    expect(replicaStatus(all.state).logOps).toBe(5);
    expect(replicaStatus(some.state).logOps).toBe(10);
    expect(all.boot().log).toMatchObject({ before: { op: 36 }, last: { op: 41 } });
  });

  it('are not sent a body whose chunk went while its command waited', () => {
    const primary = warmedUp();
    primary.ask({ type: 'stage', hash: 'h1', bytes: new Uint8Array(16) });
    for (let i = 0; i < WINDOW; i++) submit(primary, `w${i}`);
    const value = { meta: 'big', body: { type: 'chunks', hashes: ['h1'], bytes: 16 } } as const;
    primary.ask({ type: 'command', reqId: 'big', command: put(KEY, '', { value }) });
    const id = primary.lastId;
    primary.store.write([{ type: 'sweepChunks', stagedBefore: Number.POSITIVE_INFINITY }]);
    primary.hear(1, ok(1 + WINDOW));
    primary.run({ type: 'timer', name: 'batch' });
    expect(primary.answerTo(id)).toEqual({ type: 'not-ready', reason: 'chunks-missing' });
    expect(primary.state.log.last.op).toBe(1 + WINDOW);
  });

  it('find the chunks of what waited to be logged, however long: no sweep takes them', () => {
    const primary = warmedUp();
    for (const hash of ['h1', 'unused']) primary.ask({ type: 'stage', hash, bytes: new Uint8Array(16) });
    for (let i = 0; i < WINDOW; i++) submit(primary, `w${i}`);
    const value = { meta: 'big', body: { type: 'chunks', hashes: ['h1'], bytes: 16 } } as const;
    primary.ask({ type: 'command', reqId: 'big', command: put(KEY, '', { value }) });
    // As for a clock that has jumped: ten minutes have passed, and nobody was there to log anything.
    primary.now += 700_000;
    primary.run({ type: 'alarm' });
    expect([primary.store.hasChunk('h1'), primary.store.hasChunk('unused')]).toEqual([true, true]);
    primary.hear(1, ok(1 + WINDOW));
    primary.run({ type: 'timer', name: 'batch' });
    expect(primary.state.log.last.op).toBe(2 + WINDOW);
    // What is logged is safe, and the rest goes a little later.
    primary.now += 6_000;
    primary.run({ type: 'alarm' });
    expect([primary.store.hasChunk('h1'), primary.store.hasChunk('unused')]).toEqual([true, false]);
  });

  it('that lack a chunk get it before the entry that names it', () => {
    const primary = warmedUp();
    const bytes = new Uint8Array(16);
    const value = { meta: 'big', body: { type: 'chunks', hashes: ['h1'], bytes: 16 } } as const;
    const command = put(KEY, '', { value });
    expect(primary.ask({ type: 'command', reqId: 'big', command })).toEqual({
      type: 'not-ready',
      reason: 'chunks-missing',
    });
    expect(primary.ask({ type: 'stage', hash: 'h1', bytes })).toEqual({ type: 'staged' });
    expect(primary.sent().map(({ type }) => type)).toEqual(['chunk', 'chunk']);
    primary.ask({ type: 'command', reqId: 'big', command });
    primary.hear(1, { type: 'prepareNack', lastOp: 1, missingChunks: ['h1'] });
    expect(primary.sent(1)).toEqual([{ type: 'chunk', hash: 'h1', bytes }]);
    primary.hear(1, { type: 'chunkOk', hash: 'h1' });
    expect(preparedOps(primary, 1)).toEqual([[2]]);
  });
});

describe('after the last commit', () => {
  it('the backups are told once, everything is on disk, and then nothing happens any more', () => {
    const primary = warmedUp();
    submit(primary, 'a');
    for (const member of [1, 2]) primary.hear(member, ok(2, 1));
    expect(timersSet(primary)).toEqual([]);
    primary.now += 60;
    primary.run({ type: 'timer', name: 'follow' });
    expect(primary.written()).toEqual(['putRow', 'dedupe', 'applied']);
    expect(primary.sent()).toMatchObject([
      { type: 'prepare', prev: { op: 2 }, entries: [], commit: 2 },
      { type: 'prepare', prev: { op: 2 }, entries: [], commit: 2 },
    ]);
    for (const member of [1, 2]) {
      primary.hear(member, ok(2, 2));
      expect(primary.effects).toEqual([]);
    }
    primary.now += 500;
    expect(primary.run({ type: 'timer', name: 'resend' })).toEqual([]);
  });

  it('the backups are not told before the group has rested: the next prepare tells them as well', () => {
    const primary = warmedUp();
    submit(primary, 'a');
    primary.hear(1, ok(2));
    expect(timersSet(primary)).toContain('follow');
    primary.now += 30;
    submit(primary, 'b');
    for (const member of [1, 2]) primary.hear(member, ok(3));
    primary.now += 30;
    expect(primary.run({ type: 'timer', name: 'follow' })).toEqual([
      { type: 'setTimer', name: 'follow', afterMs: 20 },
    ]);
  });
});

describe('leases', () => {
  it('at most one for a key, until it is released or has run out', () => {
    const primary = warmedUp();
    const { lease } = primary.read(URL_KEY, 'when-absent');
    expect(lease).toMatchObject({ type: 'granted', token: { groupId: 'g1', view: 0, op: 1 } });
    expect(primary.read(URL_KEY, 'none').lease).toBeNull();
    if (lease?.type !== 'granted') throw new Error('unreachable');
    const { token } = lease;
    expect(primary.read(URL_KEY, 'always').lease).toEqual({ type: 'taken', token });
    const wrong = { ...token, op: 7 };
    const release = (of: typeof token) => primary.ask({ type: 'release', key: URL_KEY, token: of });
    expect(release(wrong)).toEqual({ type: 'released', released: false });
    expect(release(token)).toEqual({ type: 'released', released: true });
    expect(primary.ask({ type: 'lease', key: URL_KEY })).toMatchObject({ lease: { type: 'granted' } });
    expect(primary.ask({ type: 'lease', key: URL_KEY })).toMatchObject({ lease: { type: 'taken' } });
    primary.now += 10_000;
    expect(primary.ask({ type: 'lease', key: URL_KEY })).toMatchObject({ lease: { type: 'granted' } });
  });

  it('are not needed for a token, which everybody gets and which keeps nobody waiting', () => {
    const primary = warmedUp();
    const token = () => primary.ask({ type: 'token', key: URL_KEY });
    const granted = { lease: { type: 'granted', token: { groupId: 'g1', view: 0, op: 1, t: primary.now } } };
    expect([token(), token()]).toMatchObject([granted, granted]);
    expect(primary.ask({ type: 'lease', key: URL_KEY })).toMatchObject(granted);
    expect(token()).toMatchObject(granted);
  });

  it('last while their holder says that it is at work, but not longer than its fill would count', () => {
    const primary = warmedUp();
    const { lease } = primary.read(URL_KEY, 'when-absent');
    if (lease?.type !== 'granted') throw new Error('unreachable');
    const { token } = lease;
    const began = primary.now;
    const renew = (of: typeof token) => primary.ask({ type: 'renew', key: URL_KEY, token: of });
    expect(renew({ ...token, op: 7 })).toEqual({ type: 'renewed', renewed: false });
    while (primary.now < began + 57_000) {
      primary.now += 3_000;
      expect(renew(token)).toEqual({ type: 'renewed', renewed: true });
      expect(primary.ask({ type: 'lease', key: URL_KEY })).toMatchObject({ lease: { type: 'taken' } });
    }
    primary.now = token.t + 60_000;
    expect(renew(token)).toEqual({ type: 'renewed', renewed: false });
    expect(primary.ask({ type: 'lease', key: URL_KEY })).toMatchObject({ lease: { type: 'granted' } });
  });

  it('are not given for what is stored, unless the caller goes to the origin in any case', () => {
    const group = new Solo();
    group.command(fill(URL_KEY, 'a', group.takeLease(URL_KEY)));
    expect(group.read(URL_KEY, 'when-absent').lease).toBeNull();
    expect(group.read(URL_KEY, 'always').lease).toMatchObject({ type: 'granted' });
  });

  it('name the last op that was logged, committed or not, and a time not before it', () => {
    const primary = warmedUp();
    submit(primary, 'a');
    primary.now -= 50_000;
    const { op, t } = primary.takeLease(URL_KEY);
    expect({ op, t }).toEqual({ op: 2, t: primary.state.log.lastT });
  });

  it.each([
    ['fill', false],
    ['purge of its URL', true],
    ['purge of everything', true],
  ] as const)('end with a %s', (what, newToken) => {
    const group = new Solo();
    const token = group.takeLease(URL_KEY);
    const commands = {
      fill: fill(URL_KEY, 'a', token),
      'purge of its URL': { type: 'purge', selector: { type: 'url', key: URL_KEY } },
      'purge of everything': { type: 'purge', selector: { type: 'all' } },
    } as const;
    group.command(commands[what]);
    const next = group.takeLease(URL_KEY);
    expect(next.op).toBe(token.op + 1);
    expect(group.command(fill(URL_KEY, 'b', token)).type).toBe(newToken ? 'fill-refused' : 'filled');
  });

  it('are bounded in number: the oldest is forgotten', () => {
    const primary = warmedUp({ leasesMax: 2 });
    for (const path of ['1', '2', '3']) primary.takeLease(httpEntryKey(`http://o.test/${path}`));
    expect(primary.state.primary?.leases.size).toBe(2);
    expect(primary.read(httpEntryKey('http://o.test/3'), 'always').lease).toMatchObject({ type: 'taken' });
  });
});
