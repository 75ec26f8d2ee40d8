// A member that lost its storage, message by message: it has no vote before the log has readmitted it, what its older
// incarnation says counts for nothing from then on, and a group that has lost a majority says so. Member 0 is primary of
// view 0, member 1 of view 1, member 2 of view 2.
import { describe, expect, it } from 'vitest';
import type { LogEntry, MessageBody } from '../../core/replication/messages.ts';
import { createReplica, step } from '../../core/replication/replica.ts';
import { replicaStatus } from '../../core/replication/status.ts';
import type { Viewstamp } from '../../core/replication/viewstamp.ts';
import { entry, put, Solo } from '../support/solo.ts';

const START: Viewstamp = { view: 0, op: 0 };
const ASK: MessageBody = { type: 'askReadmission' };
const SECOND = { incarnation: 2 };

function readmit(op: number, view: number, member: number, incarnation = 2): LogEntry {
  const command = { type: 'readmit', member, incarnation } as const;
  return { op, view, t: 1_000_000 + op * 10 + view, items: [{ reqId: '', digest: 'readmit', command }] };
}

function prepare(prev: Viewstamp, entries: readonly LogEntry[], commit = 0): MessageBody {
  return { type: 'prepare', prev, entries, commit, isHeard: true };
}

const ok = (op: number): MessageBody => ({ type: 'prepareOk', op, commit: 0 });
const typesOf = (bodies: readonly MessageBody[]) => bodies.map(({ type }) => type);
const submit = (primary: Solo, reqId: string) =>
  primary.ask({ type: 'command', reqId, command: put('k', reqId) });
const look = (member: Solo, afterMs: number) => {
  member.now += afterMs;
  member.run({ type: 'timer', name: 'watch' });
};

/** Member 2 on a new storage, after it has booted. */
const lost = (members = 3) => new Solo({ members, member: 2, incarnation: 2 });

describe('a member on a new storage', () => {
  it('asks the others to be readmitted, again and again, and rests when nothing comes of it', () => {
    const member = lost();
    expect(member.sent(0)).toEqual([ASK]);
    expect(member.sent(1)).toEqual([ASK]);
    look(member, 499);
    expect(member.sent()).toEqual([]);
    look(member, 1);
    expect(member.sent(0)).toEqual([ASK]);
    look(member, 30_000);
    expect(member.sent()).toEqual([]);
    expect(member.effects).toContainEqual({ type: 'setAlarm', atMs: member.now + 60_000 });
    member.now += 60_000;
    member.run({ type: 'alarm' });
    expect(member.sent(0)).toEqual([ASK]);
  });

  it('takes in the log without a vote, until it has applied its readmission', () => {
    const member = lost();
    expect(typesOf(member.hear(0, prepare(START, [entry(1, 0, 'a'), readmit(2, 0, 2)])))).toEqual(['learnt']);
    expect(member.sent(0)).toEqual([{ type: 'learnt', op: 2, commit: 0 }]);
    expect(replicaStatus(member.state).state).toBe('lost');
    expect(member.hear(0, { type: 'confirm', id: 'r.1', isHeard: true, echo: null })).toEqual([]);
    // On the disk in this very step, before it counts: a reboot finds it there.
    expect(member.hear(0, prepare({ view: 0, op: 2 }, [], 2))).toEqual([ok2(2)]);
    expect(member.written()).toContain('applied');
    expect(replicaStatus(member.state).state).toBe('normal');
    expect(typesOf(member.hear(0, { type: 'confirm', id: 'r.2', isHeard: true, echo: null }))).toEqual([
      'confirmOk',
    ]);
  });

  const ok2 = (op: number): MessageBody => ({ type: 'prepareOk', op, commit: op });

  it('knows after a reboot that it was readmitted, though applied rows wait for more of their kind', () => {
    const limits = { overlayOpsMax: 128 };
    const member = new Solo({ members: 3, member: 2, incarnation: 2, limits });
    member.hear(0, prepare(START, [readmit(1, 0, 2), entry(2, 0, 'b')], 1));
    member.boot();
    expect(typesOf(member.hear(0, prepare({ view: 0, op: 2 }, [], 0)))).toEqual(['prepareOk']);
  });

  it('neither joins a view nor leads one, and is no source of anything', () => {
    const member = lost();
    expect(member.hear(0, { type: 'joinView', last: START }, { view: 2 })).toEqual([
      { type: 'refuse', reason: 'lost' },
    ]);
    expect(member.state.view).toBe(2);
    look(member, 1_000);
    expect(typesOf(member.sent())).not.toContain('joinView');
    expect(typesOf(member.sent())).not.toContain('exitView');
    expect(member.hear(0, { type: 'pull', after: 0 })).toEqual([{ type: 'refuse', reason: 'lost' }]);
    expect(member.hear(0, { type: 'snapshotAsk', id: null, after: null, atLeast: 0 })).toEqual([
      { type: 'refuse', reason: 'lost' },
    ]);
    expect(member.hear(0, { type: 'probe' })).toEqual([{ type: 'probeOk', state: 'unfit' }]);
  });

  it('is not the primary of the very first view, though its log is as empty as that one', () => {
    const member = new Solo({ members: 3, member: 0, incarnation: 2 });
    expect(replicaStatus(member.state)).toMatchObject({ role: 'backup', state: 'lost' });
    expect(submit(member, 'a')).toEqual({ type: 'not-ready', reason: 'lost' });
  });

  it('follows the others to another view when they leave theirs, but has no part in it', () => {
    const member = lost();
    member.hear(0, { type: 'exitView', isFit: true });
    expect(member.sent(0)).toContainEqual({ type: 'exitViewOk', isFit: false });
    member.hear(1, { type: 'exitView', isFit: true });
    expect(member.state.view).toBe(0);
  });

  it('alone in its group can only be reborn', () => {
    const member = new Solo({ members: 1, incarnation: 2 });
    expect(submit(member, 'a')).toEqual({ type: 'not-ready', reason: 'majority-lost' });
    expect(member.effects).toEqual([{ type: 'reply', id: member.lastId, answer: expect.anything() }]);
  });
});

describe('a primary that is asked for a readmission', () => {
  const asked = () => {
    const primary = new Solo({ members: 3 });
    submit(primary, 'a');
    primary.hear(2, ok(1));
    primary.hear(1, ok(1));
    primary.hear(2, ASK, SECOND);
    return primary;
  };

  it('logs it once, and commits it with the others alone', () => {
    const primary = asked();
    expect(primary.state.log.last.op).toBe(2);
    primary.hear(2, ASK, SECOND);
    primary.hear(2, { type: 'learnt', op: 2, commit: 0 }, SECOND);
    expect(primary.state.head.commit).toBe(1);
    primary.hear(1, ok(2));
    expect(primary.state.head.commit).toBe(2);
    expect(primary.state.head.incarnations).toEqual([1, 1, 2]);
    expect(primary.effects).toContainEqual({
      type: 'event',
      name: 'member-readmitted',
      subject: 'g1',
      detail: { shard: 0, member: 2, incarnation: 2 },
    });
    expect(primary.state.log.last.op).toBe(2);
  });

  it('counts what the member learns only once it says so as a vote', () => {
    const primary = asked();
    primary.hear(1, ok(2));
    submit(primary, 'b');
    primary.hear(2, { type: 'learnt', op: 3, commit: 0 }, SECOND);
    expect(primary.state.head.commit).toBe(2);
    primary.hear(2, ok(3), SECOND);
    expect(primary.state.head.commit).toBe(3);
  });

  it('forgets what the older incarnation had verified as soon as it hears the newer one', () => {
    const primary = new Solo({ members: 5 });
    submit(primary, 'a');
    primary.hear(2, ok(1));
    primary.hear(2, ASK, SECOND);
    primary.hear(1, ok(1));
    // Of five, the primary and member 1 hold it: what member 2 held is gone.
    expect(primary.state.head.commit).toBe(0);
    primary.hear(2, { type: 'learnt', op: 1, commit: 0 }, SECOND);
    primary.hear(1, ok(1));
    expect(primary.state.head.commit).toBe(0);
    primary.hear(3, ok(1));
    expect(primary.state.head.commit).toBe(1);
  });

  it('counts no vote of an incarnation that its log does not readmit', () => {
    const primary = new Solo({ members: 3 });
    submit(primary, 'a');
    primary.hear(2, ok(1), SECOND);
    expect(primary.state.head.commit).toBe(0);
  });

  it('counts nothing that its older incarnation has said, or says', () => {
    const primary = asked();
    expect(primary.hear(2, ok(2))).toEqual([]);
    // Nor does what the new one learns count as what the old one would have verified.
    primary.hear(2, { type: 'learnt', op: 2, commit: 0 }, SECOND);
    submit(primary, 'b');
    expect(primary.state.head.commit).toBe(1);
    expect(primary.hear(2, { type: 'probe' })).toEqual([{ type: 'refuse', reason: 'old-incarnation' }]);
  });

  it('does so as well when it has the readmission in its log alone, after a reboot', () => {
    const primary = asked();
    primary.boot();
    expect(primary.state.head.incarnations).toEqual([]);
    expect(primary.hear(2, { type: 'probe' })).toEqual([{ type: 'refuse', reason: 'old-incarnation' }]);
    primary.hear(2, ok(2));
    expect(primary.state.head.commit).toBe(1);
  });
});

describe('an election', () => {
  /** Member 1, which has promised view 1 and holds what is given. */
  function candidate(entries: readonly LogEntry[], commit: number, members = 3): Solo {
    const member = new Solo({ members, member: 1 });
    member.hear(0, prepare(START, entries, commit));
    look(member, 2_000);
    for (const other of [0, 3, 4].filter((one) => one < members))
      member.hear(other, { type: 'exitView', isFit: true });
    expect(member.state.view).toBe(1);
    return member;
  }
  const join = (last: Viewstamp): MessageBody => ({ type: 'joinView', last });

  it('counts no join of an incarnation that a readmission in its log replaces', () => {
    const member = candidate([entry(1, 0, 'a'), readmit(2, 0, 2)], 1);
    expect(member.hear(2, join({ view: 0, op: 1 }), { view: 1 })).toEqual([
      { type: 'refuse', reason: 'old-incarnation' },
    ]);
    expect(member.state.primary).toBeNull();
    // The readmitted one's counts.
    member.hear(2, join({ view: 0, op: 2 }), { view: 1, ...SECOND });
    expect(replicaStatus(member.state).role).toBe('primary');
  });

  it('counts again by the log that it adopts', () => {
    const member = candidate([entry(1, 0, 'a')], 1, 5);
    member.hear(2, join({ view: 0, op: 1 }), { view: 1 });
    member.hear(3, join({ view: 0, op: 2 }), { view: 1 });
    expect(member.sent(3)).toContainEqual({ type: 'pull', after: 1 });
    member.hear(
      3,
      { type: 'pulled', prev: { view: 0, op: 1 }, entries: [readmit(2, 0, 2)] },
      { view: 1, protocol: 3 },
    );
    expect(member.state.log.last.op).toBe(2);
    expect(member.state.primary).toBeNull();
    member.hear(4, join({ view: 0, op: 1 }), { view: 1 });
    expect(replicaStatus(member.state).role).toBe('primary');
  });

  it('counts no join of an incarnation that the adopted log does not readmit', () => {
    const member = candidate([entry(1, 0, 'a')], 1);
    member.hear(2, join({ view: 0, op: 1 }), { view: 1, ...SECOND });
    expect(member.state.primary).toBeNull();
  });

  it('takes nothing from another incarnation than the one that joined', () => {
    const member = candidate([entry(1, 0, 'a')], 1);
    member.hear(2, join({ view: 0, op: 3 }), { view: 1 });
    member.hear(2, { type: 'pulled', prev: null, entries: [] }, { view: 1, ...SECOND });
    expect(member.state.isInstalling).toBe(false);
    expect(member.state.election?.joins.size).toBe(0);
  });
});

describe('a group that has lost a majority', () => {
  const bereft = () => {
    const primary = new Solo({ members: 3 });
    submit(primary, 'a');
    primary.hear(1, ok(1));
    primary.hear(2, ASK, SECOND);
    primary.hear(1, ASK, SECOND);
    return primary;
  };

  it('refuses writes by that name, tells people once, and shows it', () => {
    const primary = bereft();
    const told = { type: 'event', name: 'majority-lost', subject: 'g1', detail: { shard: 0, member: 0 } };
    expect(primary.effects).toContainEqual(told);
    expect(submit(primary, 'b')).toEqual({ type: 'not-ready', reason: 'majority-lost' });
    expect(primary.ask({ type: 'read', key: 'k', lease: 'none' })).toEqual({
      type: 'not-ready',
      reason: 'majority-lost',
    });
    expect(primary.metas('k')).toEqual(['a']);
    expect(replicaStatus(primary.state).isMajorityLost).toBe(true);
    primary.hear(1, ASK, SECOND);
    expect(primary.effects).not.toContainEqual(told);
    // Neither is readmitted: there is nobody to commit it.
    expect(primary.state.log.last.op).toBe(2);
  });

  it('is known to its lost members too', () => {
    const member = lost();
    member.hear(1, ASK, SECOND);
    expect(submit(member, 'b')).toEqual({ type: 'not-ready', reason: 'majority-lost' });
  });
});

describe('a storage that was set back', () => {
  const SEEN = { incarnation: 1, view: 0, op: 2 };
  const booted = () => {
    const member = new Solo({ members: 3, member: 1 });
    member.hear(0, prepare(START, [entry(1, 0, 'a')], 1));
    member.boot();
    return member;
  };

  it('is told by whoever has seen it further, and then has nothing more to say', () => {
    const member = booted();
    expect(member.sent(0)).toContainEqual({ type: 'hello' });
    member.hear(0, { type: 'helloOk', seen: SEEN });
    expect(member.effects.map(({ type }) => type)).toEqual(['persist', 'event', 'lost']);
    member.hear(0, prepare({ view: 0, op: 1 }, [entry(2, 0, 'b')], 1));
    expect(member.effects).toEqual([]);
  });

  it('knows so in its next life too, where it ended before it was given another incarnation', () => {
    const member = booted();
    member.hear(0, { type: 'helloOk', seen: SEEN });
    member.boot();
    expect(member.effects).toEqual([{ type: 'lost' }]);
    member.hear(0, prepare({ view: 0, op: 1 }, [entry(2, 0, 'b')], 1));
    expect(member.effects).toEqual([]);
    // The next incarnation is another matter.
    const store = member.store.clone({ ...member.store.identity, incarnation: 2 });
    const effects = step(createReplica(store), store, { type: 'boot', nonce: 'n' }, member.now);
    const asks = effects.flatMap((effect) => (effect.type === 'send' ? [effect.message.body] : []));
    expect(asks).toEqual([ASK, ASK]);
  });

  it('votes for nothing in the step in which it hears so, though the answer is of a later view', () => {
    const member = booted();
    member.hear(2, { type: 'helloOk', seen: { ...SEEN, view: 3, op: 0 } }, { view: 3 });
    expect(member.effects.map(({ type }) => type)).toEqual(['persist', 'event', 'lost']);
    expect(member.written()).toEqual(['forsaken']);
  });

  it('is answered whatever view it believes in', () => {
    const other = new Solo({ members: 3, member: 2 });
    other.hear(0, prepare(START, [entry(1, 3, 'a')], 1), { view: 3 });
    expect(other.hear(1, { type: 'hello' }, { view: 0 })).toEqual([{ type: 'helloOk', seen: null }]);
    expect(other.hear(0, { type: 'hello' }, { view: 0 })).toEqual([
      { type: 'helloOk', seen: { incarnation: 1, view: 3, op: 1 } },
    ]);
  });

  it.each([
    ['nobody saw it', null],
    ['it was seen where it is', { ...SEEN, op: 1 }],
    ['another incarnation was seen', { ...SEEN, incarnation: 2 }],
  ])('is not believed when %s', (_, seen) => {
    const member = booted();
    member.hear(0, { type: 'helloOk', seen });
    expect(member.effects).toEqual([]);
    expect(typesOf(member.hear(0, prepare({ view: 0, op: 1 }, [entry(2, 0, 'b')], 1)))).toEqual([
      'prepareOk',
    ]);
  });

  it('is seen by what it vouched for, and asked about without anybody waking', () => {
    const primary = new Solo({ members: 3 });
    submit(primary, 'a');
    primary.hear(1, ok(1));
    expect(primary.hear(1, { type: 'hello' })).toEqual([
      { type: 'helloOk', seen: { incarnation: 1, view: 0, op: 1 } },
    ]);
    const sleeper = booted();
    expect(sleeper.state.isAtRest).toBe(true);
    expect(sleeper.hear(0, { type: 'hello' })).toEqual([{ type: 'helloOk', seen: null }]);
    expect(sleeper.state.isAtRest).toBe(true);
  });

  it('is found out by the primary when it lacks what it has verified', () => {
    const primary = new Solo({ members: 3 });
    submit(primary, 'a');
    primary.hear(1, ok(1));
    submit(primary, 'b');
    expect(primary.hear(1, { type: 'prepareNack', lastOp: 0, missingChunks: [] })).toContainEqual({
      type: 'helloOk',
      seen: { incarnation: 1, view: 0, op: 1 },
    });
  });

  it('of a member that was readmitted meanwhile on another is given up', () => {
    const member = booted();
    member.hear(0, { type: 'refuse', reason: 'old-incarnation' });
    expect(member.effects.map(({ type }) => type)).toEqual(['persist', 'lost']);
  });
});

describe('messages between old and new code', () => {
  it('speak the later protocol only where a readmission is in them', () => {
    const primary = new Solo({ members: 3 });
    submit(primary, 'a');
    const protocols = () =>
      primary.effects.flatMap((effect) => (effect.type === 'send' ? [effect.message.protocol] : []));
    expect(new Set(protocols())).toEqual(new Set([2]));
    primary.hear(1, ok(1));
    primary.hear(2, ASK, SECOND);
    expect(protocols()).toContain(3);
  });
});
