// A member that was away for longer than the log holds: how it takes in a snapshot, part by part, and what it may and
// may not do meanwhile. Real members on both sides, their messages carried by hand.
import { describe, expect, it } from 'vitest';
import type { Message, MessageBody } from '../../core/replication/messages.ts';
import { replicaStatus } from '../../core/replication/status.ts';
import { entry, put, Solo } from '../support/solo.ts';

const LIMITS = { logOps: 5, logBytes: 0, logOpsMax: 10 };

/** Member 0, primary, with `ops` committed rows, of which member 1 has all and member 2 nothing. */
function primary(ops = 40): Solo {
  const solo = new Solo({ members: 3, limits: LIMITS });
  for (let i = 1; i <= ops; i++) {
    solo.ask({ type: 'command', reqId: `r${i}`, command: put(`k${i}`, `v${i}`) });
    solo.hear(1, { type: 'prepareOk', op: i, commit: i - 1 });
  }
  return solo;
}

/** Member 1 with the same log applied. */
function upToDate(ops = 40): Solo {
  const solo = new Solo({ members: 3, member: 1, limits: LIMITS });
  const entries = Array.from({ length: ops }, (_, i) => rowEntry(i + 1));
  solo.hear(0, { type: 'prepare', prev: { view: 0, op: 0 }, entries, commit: ops });
  return solo;
}

const rowEntry = (op: number) => {
  const command = put(`k${op}`, `v${op}`);
  return { op, view: 0, t: 1_000_000 + op, items: [{ reqId: `r${op}`, digest: `${op}`, command }] };
};

/** Member 2, which has missed everything, after being told so. */
function behind(source = 1): Solo {
  const solo = new Solo({ members: 3, member: 2, limits: LIMITS });
  solo.hear(0, { type: 'installFrom', source, firstOp: 31 });
  return solo;
}

const askOf = (solo: Solo, to = 1) => solo.sent(to).find(({ type }) => type === 'snapshotAsk');

/** One question of the receiver and its answer; the answer's body. */
function exchange(receiver: Solo, source: Solo): MessageBody | undefined {
  const ask = askOf(receiver);
  if (ask === undefined) return undefined;
  const [answer] = source.hear(2, ask).filter(({ type }) => type.startsWith('snapshot'));
  if (answer !== undefined) receiver.hear(1, answer);
  return answer;
}

const metas = (solo: Solo) =>
  Array.from({ length: 60 }, (_, i) => solo.store.rows(`k${i + 1}`)[0]?.value.meta);

describe('a backup that needs more than the log holds', () => {
  it('is told whom to get a snapshot from: another backup that is up to date', () => {
    const solo = primary();
    solo.hear(2, { type: 'prepareNack', lastOp: 0, missingChunks: [] });
    solo.now += 200;
    solo.run({ type: 'timer', name: 'resend' });
    expect(solo.sent(2)).toEqual([{ type: 'installFrom', source: 1, firstOp: solo.state.log.before.op + 1 }]);
    expect(replicaStatus(solo.state).backups[1]).toMatchObject({ state: 'needs-snapshot' });
  });

  it('takes it in part by part, and goes on with the log from there', () => {
    const [receiver, source] = [behind(), upToDate()];
    let parts = 0;
    while (exchange(receiver, source) !== undefined) parts += 1;
    expect(parts).toBeGreaterThan(5);
    expect(receiver.store.replicatedState()).toEqual(source.store.replicatedState());
    expect(receiver.sent(1)).toContainEqual({ type: 'snapshotDone' });
    const next = { type: 'prepare', prev: { view: 0, op: 40 }, entries: [rowEntry(41)], commit: 40 } as const;
    expect(receiver.hear(0, next)).toEqual([{ type: 'prepareOk', op: 41, commit: 40 }]);
    expect(receiver.boot().log).toMatchObject({ before: { op: 40 }, last: { op: 41 } });
  });

  it('shows the state at one op in all parts, whatever its source logs and knows to be committed meanwhile', () => {
    const [receiver, source] = [behind(), upToDate()];
    const before = metas(source);
    for (let op = 41; exchange(receiver, source) !== undefined; op++) {
      const changes = {
        ...rowEntry(op),
        items: [{ reqId: `x${op}`, digest: 'd', command: put('k40', `new${op}`) }],
      };
      const prev = { view: 0, op: op - 1 };
      const sent = source.hear(0, { type: 'prepare', prev, entries: [changes], commit: op });
      // It votes on, and says that it applies nothing.
      if (receiver.state.isInstalling) {
        expect(sent).toEqual([{ type: 'prepareOk', op, commit: 40, isRead: true }]);
      }
    }
    expect(metas(receiver)).toEqual(before);
    source.hear(2, { type: 'snapshotDone' });
    expect(source.state.head.applied).toBe(source.state.log.last.op);
    expect(source.metas('k40')).toEqual([expect.stringMatching(/^new/)]);
  });

  it('replaces what it had: nothing that is gone at its source stays', () => {
    const receiver = new Solo({ members: 3, member: 2, limits: LIMITS });
    const stray = { ...rowEntry(1), items: [{ reqId: 's', digest: 's', command: put('k5x', 'stray') }] };
    receiver.hear(0, { type: 'prepare', prev: { view: 0, op: 0 }, entries: [stray], commit: 1 });
    receiver.hear(0, { type: 'installFrom', source: 1, firstOp: 31 });
    const source = upToDate();
    while (exchange(receiver, source) !== undefined);
    expect(receiver.store.rows('k5x')).toEqual([]);
    expect(receiver.store.replicatedState()).toEqual(source.store.replicatedState());
  });

  it('serves nothing, votes for nothing and cannot lead before it is complete, also after a reboot', () => {
    const [receiver, source] = [behind(), upToDate()];
    exchange(receiver, source);
    for (const when of ['now', 'after a reboot']) {
      if (when !== 'now') receiver.boot();
      expect(receiver.ask({ type: 'read', key: 'k1', lease: 'none', level: 'any' })).toEqual({
        type: 'not-ready',
        reason: 'installing',
      });
      const next = {
        type: 'prepare',
        prev: { view: 0, op: 0 },
        entries: [entry(1, 0, 'a')],
        commit: 1,
      } as const;
      expect(receiver.hear(0, next)).toContainEqual(expect.objectContaining({ type: 'installing' }));
      expect(receiver.hear(1, { type: 'exitView', isFit: true })).toContainEqual({
        type: 'exitViewOk',
        isFit: false,
      });
    }
    // It begins anew: the source may have another state by now.
    receiver.hear(0, { type: 'installFrom', source: 1, firstOp: 31 });
    expect(askOf(receiver)).toEqual({ type: 'snapshotAsk', id: null, after: null, atLeast: 0 });
    while (exchange(receiver, source) !== undefined);
    expect(receiver.store.replicatedState()).toEqual(source.store.replicatedState());
  });

  it('begins anew when its source has started anew', () => {
    const [receiver, source] = [behind(), upToDate()];
    exchange(receiver, source);
    source.boot();
    expect(exchange(receiver, source)).toMatchObject({ type: 'snapshotNone' });
    receiver.now += 200;
    receiver.run({ type: 'timer', name: 'watch' });
    expect(askOf(receiver)).toEqual({ type: 'snapshotAsk', id: null, after: null, atLeast: 0 });
  });

  it('is shown the same once more when it has started anew itself', () => {
    const [receiver, source] = [behind(), upToDate()];
    exchange(receiver, source);
    const next = { type: 'prepare', prev: { view: 0, op: 40 }, entries: [rowEntry(41)], commit: 41 } as const;
    expect(source.hear(0, next)).toEqual([{ type: 'prepareOk', op: 41, commit: 40, isRead: true }]);
    receiver.boot();
    receiver.hear(0, { type: 'installFrom', source: 1, firstOp: 31 });
    expect(exchange(receiver, source)).toMatchObject({ type: 'snapshotPart', after: null, at: { op: 40 } });
    while (exchange(receiver, source) !== undefined);
    expect(receiver.state).toMatchObject({ isInstalling: false, head: { applied: 40 } });
  });

  it('leaves the primary of a view that it leaves, and begins with whom the next one names', () => {
    const receiver = behind(0);
    expect(askOf(receiver, 0)).toBeDefined();
    receiver.hear(1, { type: 'installFrom', source: 1, firstOp: 31 }, { view: 1 });
    expect(askOf(receiver, 1)).toBeDefined();
    // Of two backups one may go on being read out while the primary changes.
    const other = behind(1);
    other.hear(0, { type: 'installFrom', source: 0, firstOp: 31 }, { view: 3 });
    expect(other.state.install?.source).toBe(1);
    // What it was asked in the view before, it has refused as old, or will.
    expect(askOf(other, 1)).toBeDefined();
  });

  it('leaves a source that is lost, and says so, without a doubt of the primary', () => {
    const receiver = behind(1);
    receiver.hear(1, { type: 'refuse', reason: 'lost' });
    expect(receiver.state.watch.isRefuted).toBe(false);
    receiver.hear(0, { type: 'installFrom', source: 0, firstOp: 31 });
    expect(receiver.sent(0)).toContainEqual({ type: 'installing', at: null, silent: 1 });
    expect(askOf(receiver, 0)).toBeDefined();
  });

  it('is given nothing older than what it has itself', () => {
    const source = upToDate(20);
    const ask = { type: 'snapshotAsk', id: null, after: null, atLeast: 21 } as const;
    expect(source.hear(2, ask)).toContainEqual({ type: 'snapshotNone', id: null });
    expect(source.state.snapshot).toBeNull();
  });

  it('takes in no part of another snapshot than the one it began', () => {
    const [receiver, source] = [behind(), upToDate()];
    exchange(receiver, source);
    const ask = askOf(receiver);
    const [part] = source.hear(2, ask ?? { type: 'probe' });
    if (part?.type !== 'snapshotPart') throw new Error('No part');
    receiver.hear(1, { ...part, id: 'another' });
    expect(receiver.written()).toEqual([]);
    receiver.hear(1, part);
    expect(receiver.written()).toEqual(['replaceRange']);
  });

  it('keeps of its log what it may have voted for: what follows the very op of the snapshot', () => {
    const receiver = new Solo({ members: 3, member: 2, limits: LIMITS });
    const entries = Array.from({ length: 43 }, (_, i) => rowEntry(i + 1));
    receiver.hear(0, { type: 'prepare', prev: { view: 0, op: 0 }, entries, commit: 0 });
    receiver.hear(0, { type: 'installFrom', source: 1, firstOp: 31 });
    const source = upToDate();
    while (exchange(receiver, source) !== undefined);
    expect(receiver.state.log).toMatchObject({ before: { op: 40 }, last: { view: 0, op: 43 } });
    expect(receiver.boot().log).toMatchObject({ before: { op: 40 }, last: { op: 43 } });

    const other = new Solo({ members: 3, member: 2, limits: LIMITS });
    const contradicting = entries.map((one) => ({ ...one, view: 0, t: one.t + 5 }));
    other.hear(0, { type: 'prepare', prev: { view: 0, op: 0 }, entries: contradicting, commit: 0 });
    other.hear(0, { type: 'installFrom', source: 1, firstOp: 31 }, { view: 3 });
    const later = new Solo({ members: 3, member: 1, limits: LIMITS });
    const inView3 = entries.slice(0, 40).map((one) => ({ ...one, view: one.op === 40 ? 3 : 0 }));
    later.hear(0, { type: 'prepare', prev: { view: 0, op: 0 }, entries: inView3, commit: 40 }, { view: 3 });
    while (exchange(other, later) !== undefined);
    // Its op 40 is another one than the committed: nothing behind it can be committed either.
    expect(other.state.log).toMatchObject({ before: { view: 3, op: 40 }, last: { view: 3, op: 40 } });
  });

  it.each(['goes on', 'starts anew'])(
    'applies by its own log what it knows beyond the snapshot, and %s',
    (how) => {
      const receiver = new Solo({ members: 3, member: 2 });
      const entries = Array.from({ length: 43 }, (_, i) => rowEntry(i + 1));
      receiver.hear(0, { type: 'prepare', prev: { view: 0, op: 0 }, entries, commit: 42 });
      receiver.hear(0, { type: 'installFrom', source: 1, firstOp: 50 });
      expect(receiver.boot().head).toMatchObject({ applied: 42 });
      receiver.hear(0, { type: 'installFrom', source: 1, firstOp: 50 });
      const source = upToDate();
      while (exchange(receiver, source) !== undefined);
      // Not in the step that takes it in, when the store still shows a mixture; and nothing known is forgotten.
      expect([receiver.state.head.applied, receiver.store.commit]).toEqual([40, 42]);
      receiver.now += 1_000;
      if (how === 'goes on') receiver.run({ type: 'timer', name: 'watch' });
      else receiver.boot();
      expect(receiver.state.head).toMatchObject({ commit: 42, applied: 42 });
      expect(receiver.metas('k42')).toEqual(['v42']);
    },
  );

  it('applies nothing to a mixture when it starts anew twice', () => {
    const receiver = new Solo({ members: 3, member: 2 });
    const entries = Array.from({ length: 43 }, (_, i) => rowEntry(i + 1));
    receiver.hear(0, { type: 'prepare', prev: { view: 0, op: 0 }, entries, commit: 42 });
    receiver.hear(0, { type: 'installFrom', source: 1, firstOp: 50 });
    const older = upToDate();
    while (exchange(receiver, older) !== undefined);
    receiver.store.write([{ type: 'installing' }]);
    expect(receiver.boot().head).toMatchObject({ commit: 40, applied: 40 });
    receiver.hear(0, { type: 'installFrom', source: 1, firstOp: 50 });
    const newer = upToDate(41);
    while (exchange(receiver, newer) !== undefined);
    expect([receiver.state.head.applied, receiver.store.commit]).toEqual([41, 42]);
  });

  it('takes the log on from where its snapshot ends, where it is to lead', () => {
    const member = new Solo({ members: 3, member: 1, limits: LIMITS });
    const source = new Solo({ members: 3, member: 2, limits: LIMITS });
    const entries = Array.from({ length: 43 }, (_, i) => rowEntry(i + 1));
    source.hear(0, { type: 'prepare', prev: { view: 0, op: 0 }, entries, commit: 39 });
    source.hear(0, { type: 'prepare', prev: { view: 0, op: 43 }, entries: [], commit: 40 });
    expect(source.state.log.before.op).toBeGreaterThan(20);
    const carry = (body: MessageBody): MessageBody[] => source.hear(1, body, { view: 1 });
    const toSource = () => member.sent(2).filter(({ type }) => type === 'pull' || type === 'snapshotAsk');
    member.hear(2, { type: 'joinView', last: { view: 0, op: 43 } }, { view: 1 });
    const asked: MessageBody[] = [];
    for (let sent = toSource(); sent.length > 0 && asked.length < 100; sent = toSource()) {
      const [ask] = sent;
      if (ask === undefined) break;
      asked.push(ask);
      if (ask.type === 'pull' && ask.after > 0) {
        // An answer to the first question that comes only now says nothing about this one.
        member.hear(2, { type: 'pulled', prev: null, entries: [], after: 0 }, { view: 1 });
        expect(member.state.isInstalling).toBe(false);
      }
      const [answer] = carry(ask).filter(({ type }) => type === 'pulled' || type === 'snapshotPart');
      if (answer !== undefined) member.hear(2, answer, { view: 1 });
      member.now += 1_000;
      if (toSource().length === 0) member.run({ type: 'timer', name: 'watch' });
    }
    expect(asked.filter(({ type }) => type === 'pull')).toEqual([
      { type: 'pull', after: 0 },
      { type: 'pull', after: 40 },
    ]);
    expect(member.state.log.last).toEqual({ view: 1, op: 44 });
  });

  it('is told of another source where the first one gives nothing, and of that one again where it does', () => {
    const receiver = behind();
    const installFrom = (source: number) =>
      receiver
        .hear(0, { type: 'installFrom', source, firstOp: 31 })
        .find(({ type }) => type === 'installing');
    receiver.now += 2_999;
    expect(installFrom(1)).toEqual({ type: 'installing', at: null, silent: null });
    receiver.now += 1;
    receiver.run({ type: 'timer', name: 'watch' });
    const told = installFrom(0);
    expect(told).toEqual({ type: 'installing', at: null, silent: 1 });

    const solo = primary();
    solo.hear(2, { type: 'prepareNack', lastOp: 0, missingChunks: [] });
    const sources = () => {
      solo.now += 1_000;
      solo.run({ type: 'timer', name: 'resend' });
      return solo.sent(2).flatMap((body) => (body.type === 'installFrom' ? [body.source] : []));
    };
    expect(sources()).toEqual([1]);
    solo.hear(2, told ?? { type: 'probe' });
    expect(sources()).toEqual([0]);
    solo.hear(2, { type: 'installing', at: null });
    expect(sources()).toEqual([1]);
  });

  it('leaves a source that cannot be reached, or that is slow where another one is named', () => {
    const receiver = behind();
    const ask = { type: 'snapshotAsk', id: null, after: null, atLeast: 0 } as const;
    const fails = () => {
      const message = receiver.effects.flatMap((effect) => (effect.type === 'send' ? [effect.message] : []));
      const asked = message.find(({ body }) => body.type === 'snapshotAsk');
      if (asked === undefined) throw new Error('Nothing was asked');
      receiver.run({ type: 'sendFailed', message: asked });
    };
    for (let i = 0; i < 2; i++) {
      fails();
      receiver.now += 200;
      receiver.run({ type: 'timer', name: 'watch' });
      expect(receiver.sent(1)).toContainEqual(ask);
    }
    fails();
    expect(receiver.state).toMatchObject({ install: null, silentSource: 1 });

    const waiting = behind();
    waiting.now += 999;
    waiting.hear(0, { type: 'installFrom', source: 0, firstOp: 31 });
    expect(waiting.state.install?.source).toBe(1);
    waiting.now += 1;
    waiting.hear(0, { type: 'installFrom', source: 0, firstOp: 31 });
    expect(waiting.sent(0)).toContainEqual(ask);
  });

  it('fetches the chunks that the rows name before it takes the rows in', () => {
    const source = upToDate(0);
    source.hear(0, { type: 'chunk', hash: 'h1', bytes: new Uint8Array(9) });
    const value = { meta: 'big', body: { type: 'chunks', hashes: ['h1'], bytes: 9 } } as const;
    const big = {
      op: 1,
      view: 0,
      t: 1_000_001,
      items: [{ reqId: 'b', digest: 'b', command: put('k1', '', { value }) }],
    };
    source.hear(0, { type: 'prepare', prev: { view: 0, op: 0 }, entries: [big], commit: 1 });
    const receiver = behind();
    exchange(receiver, source);
    expect(receiver.sent(1)).toEqual([{ type: 'fetchChunk', hash: 'h1' }]);
    expect(receiver.store.rows('k1')).toEqual([]);
    const [found] = source.hear(2, { type: 'fetchChunk', hash: 'h1' });
    receiver.hear(1, found ?? { type: 'probe' });
    while (exchange(receiver, source) !== undefined);
    expect(receiver.store.rows('k1')).toMatchObject([{ value: { meta: 'big' } }]);
    expect(receiver.store.hasChunk('h1')).toBe(true);
  });
});

describe('a primary that is read out', () => {
  it('lets no commit wait for it: the snapshot is given up', () => {
    const solo = primary();
    solo.now += 50;
    solo.run({ type: 'timer', name: 'follow' });
    const [part] = solo.hear(2, { type: 'snapshotAsk', id: null, after: null, atLeast: 0 }).slice(-1);
    if (part?.type !== 'snapshotPart') throw new Error(`No part but ${part?.type}`);
    solo.ask({ type: 'command', reqId: 'more', command: put('k1', 'more') });
    const id = solo.lastId;
    solo.hear(1, { type: 'prepareOk', op: 41, commit: 40 });
    expect(solo.answerTo(id)).toMatchObject({ type: 'result' });
    expect(solo.hear(2, { type: 'snapshotAsk', id: part.id, after: part.to, atLeast: 0 })).toContainEqual({
      type: 'snapshotNone',
      id: part.id,
    });
  });

  it('keeps its log from the op of a snapshot that is being taken in', () => {
    const solo = primary();
    solo.boot();
    solo.hear(1, { type: 'prepareOk', op: 40, commit: 40 });
    solo.hear(2, { type: 'installing', at: { view: 0, op: 38 } });
    for (let i = 41; i <= 80; i++) {
      solo.ask({ type: 'command', reqId: `r${i}`, command: put(`k${i}`, `v${i}`) });
      solo.hear(1, { type: 'prepareOk', op: i, commit: i - 1 });
    }
    expect(solo.state.log.before.op).toBeLessThanOrEqual(38);
    const message: Message['body'] = { type: 'prepareNack', lastOp: 38, missingChunks: [] };
    expect(solo.hear(2, message)).toMatchObject([{ type: 'prepare', prev: { op: 38 } }]);
  });
});
