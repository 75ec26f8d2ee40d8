// From one view to the next, message by message: who may leave, where to, with whose log, and what a primary that was
// left behind can still do. Three members; view 0 has member 0 as primary, view 1 member 1, view 2 member 2.
import { describe, expect, it } from 'vitest';
import type { Effect } from '../../core/replication/effects.ts';
import type { LogEntry, MessageBody } from '../../core/replication/messages.ts';
import { relayTarget } from '../../core/replication/relay.ts';
import { replicaStatus } from '../../core/replication/status.ts';
import type { Viewstamp } from '../../core/replication/viewstamp.ts';
import { entry, put, Solo } from '../support/solo.ts';

const CLOCK = { s: 1_000_000, nonce: 'b' };
const START: Viewstamp = { view: 0, op: 0 };
const EXIT: MessageBody = { type: 'exitView', isFit: true };

function prepare(prev: Viewstamp, entries: readonly LogEntry[], commit = 0, isHeard = true): MessageBody {
  return { type: 'prepare', prev, entries, commit, isHeard };
}

function confirm(n: number, isHeard = true): MessageBody {
  return { type: 'confirm', id: `of-the-primary.${n}`, isHeard, echo: null };
}

function look(member: Solo, afterMs: number): readonly Effect[] {
  member.now += afterMs;
  return member.run({ type: 'timer', name: 'watch' });
}

const typesOf = (bodies: readonly MessageBody[]) => bodies.map(({ type }) => type);

/** A backup that has heard from its primary just now. */
function backup(member = 1, members = 3): Solo {
  const solo = new Solo({ members, member });
  solo.hear(0, prepare(START, [entry(1, 0, 'a')], 1));
  return solo;
}

/** Member 1 after two seconds of silence, and after another member said that it wants to leave as well. */
function moved(logs: readonly LogEntry[] = [entry(1, 0, 'a')], commit = 1): Solo {
  const member = new Solo({ members: 3, member: 1 });
  member.hear(0, prepare(START, logs, commit));
  look(member, 2_000);
  member.hear(2, EXIT);
  return member;
}

describe('a silent primary', () => {
  it('is asked after a second, and believed gone after two', () => {
    const member = backup();
    look(member, 999);
    expect(member.sent()).toEqual([]);
    look(member, 1);
    expect(member.sent(0)).toEqual([{ type: 'probe' }]);
    look(member, 999);
    expect(typesOf(member.sent())).not.toContain('exitView');
    look(member, 1);
    expect(member.sent(0)).toContainEqual(EXIT);
    expect(member.sent(2)).toContainEqual(EXIT);
    expect(member.state.view).toBe(0);
  });

  it('that answers the question well is at work', () => {
    const member = backup();
    look(member, 1_500);
    member.hear(0, { type: 'probeOk', state: 'normal' });
    look(member, 1_999);
    expect(typesOf(member.sent())).not.toContain('exitView');
  });

  it('that recovers is given no more time than silence, one that cannot lead none', () => {
    const slow = backup();
    look(slow, 1_500);
    slow.hear(0, { type: 'probeOk', state: 'recovering' });
    look(slow, 500);
    expect(typesOf(slow.sent())).toContain('exitView');
    const unfit = backup();
    look(unfit, 1_000);
    unfit.hear(0, { type: 'probeOk', state: 'unfit' });
    expect(typesOf(unfit.sent())).toContain('exitView');
  });

  it('gives no evidence by messages that say that nobody answers it', () => {
    const member = backup();
    for (let i = 0; i < 4; i++) {
      member.now += 500;
      member.hear(0, confirm(i, false));
    }
    expect(typesOf(member.sent())).toContain('exitView');
    const heard = backup();
    for (let i = 0; i < 4; i++) {
      heard.now += 500;
      heard.hear(0, confirm(i));
    }
    expect(typesOf(heard.sent())).not.toContain('exitView');
  });

  it('is asked at once when an edge could not reach it, and left only if it does not answer', () => {
    const member = backup();
    expect(member.ask({ type: 'suspect', view: 0 })).toEqual({ type: 'suspected', view: 0, primary: 0 });
    expect(member.sent(0)).toEqual([{ type: 'probe' }]);
    member.hear(0, { type: 'probeOk', state: 'normal' });
    look(member, 1_000);
    member.hear(0, confirm(1));
    look(member, 1_000);
    expect(typesOf(member.sent())).not.toContain('exitView');

    member.ask({ type: 'suspect', view: 0 });
    for (let i = 0; i < 4; i++) {
      member.now += 500;
      member.hear(0, confirm(i));
    }
    // Its messages come, but it cannot be asked: whoever wants to write cannot ask it either.
    expect(typesOf(member.sent())).toContain('exitView');
  });

  it('that does not answer while its messages come is asked again and again, and no faster than twice a second', () => {
    const member = backup();
    member.ask({ type: 'suspect', view: 0 });
    let probes = 0;
    for (let ms = 0; ms < 10_000; ms += 50) {
      member.now += 50;
      if (ms % 500 === 0) member.hear(0, confirm(ms));
      else member.run({ type: 'timer', name: 'watch' });
      const asked = typesOf(member.sent(0)).filter((type) => type === 'probe').length;
      probes += asked;
      if (asked > 0) member.hear(0, { type: 'probeOk', state: 'recovering' });
      expect(typesOf(member.sent(0))).not.toContain('probe');
    }
    expect(probes).toBeGreaterThanOrEqual(18);
    expect(probes).toBeLessThanOrEqual(21);
    member.hear(0, { type: 'probeOk', state: 'normal' });
    look(member, 500);
    expect(typesOf(member.sent())).not.toContain('exitView');
  });

  it('that says itself that it wants to leave is left at once', () => {
    const ofAnother = backup();
    ofAnother.hear(2, EXIT);
    expect([ofAnother.state.view, typesOf(ofAnother.sent(0))]).toEqual([0, ['probe']]);
    const ofThePrimary = backup();
    ofThePrimary.hear(0, EXIT);
    expect(ofThePrimary.state.view).toBe(1);
    // Before its view has started only one that cannot lead.
    for (const [isFit, view] of [
      [false, 2],
      [true, 1],
    ] as const) {
      const joining = backup(2);
      joining.hear(1, { type: 'exitView', isFit }, { view: 1 });
      expect(joining.state.view).toBe(view);
    }
  });

  it('is none where it says that it is lost; another member says that of itself alone', () => {
    const member = backup();
    member.hear(2, { type: 'refuse', reason: 'lost' });
    expect(typesOf(member.sent())).not.toContain('exitView');
    member.hear(0, { type: 'refuse', reason: 'lost' });
    expect(typesOf(member.sent())).toContain('exitView');
  });

  it('of a view that is over is nobody to suspect', () => {
    const member = moved();
    member.hear(0, { type: 'joinView', last: START });
    expect(member.ask({ type: 'suspect', view: 0 })).toEqual({ type: 'suspected', view: 1, primary: 1 });
    expect(typesOf(member.sent())).not.toContain('probe');
  });
});

describe('leaving a view', () => {
  it('takes a majority, each on evidence of its own', () => {
    const member = backup();
    member.hear(2, EXIT);
    expect(member.state.view).toBe(0);
    // Somebody else's doubt is a reason to ask, not to leave.
    expect(member.sent(0)).toEqual([{ type: 'probe' }]);
    look(member, 2_000);
    expect(member.state.view).toBe(1);
  });

  it('is wanted for two seconds, then it has to be said again', () => {
    const member = backup();
    member.hear(2, EXIT);
    member.hear(0, { type: 'probeOk', state: 'normal' });
    member.now += 1_000;
    member.hear(0, confirm(1));
    look(member, 2_000);
    expect(member.state.view).toBe(0);
    member.hear(2, EXIT);
    expect(member.state.view).toBe(1);
  });

  it('is taken back when the primary is heard again', () => {
    const member = backup();
    look(member, 2_000);
    member.hear(0, confirm(1));
    member.hear(2, EXIT);
    expect(member.state.view).toBe(0);
  });

  it('leads to the smallest higher view whose primary answered and could be one', () => {
    const member = new Solo({ members: 5, member: 4 });
    member.hear(0, prepare(START, [entry(1, 0, 'a')], 1));
    look(member, 2_000);
    member.hear(2, { type: 'exitView', isFit: false });
    member.hear(3, EXIT);
    expect(member.state.view).toBe(3);
    expect(member.sent(3)).toEqual([
      { type: 'exitViewOk', isFit: true },
      { type: 'joinView', last: { view: 0, op: 1 } },
    ]);
  });

  it('is a promise that is on the disk before it is told, and holds after a reboot', () => {
    const member = backup(2);
    look(member, 2_000);
    member.hear(1, EXIT);
    expect(member.effects[0]).toMatchObject({ type: 'persist', writes: [{ type: 'view', view: 1 }] });
    expect(member.sent(1)).toContainEqual({ type: 'joinView', last: { view: 0, op: 1 } });
    expect(member.hear(0, prepare({ view: 0, op: 1 }, [entry(2, 0, 'b')]), { view: 0 })).toEqual([
      { type: 'refuse', reason: 'old-view' },
    ]);
    member.boot();
    expect(member.state.view).toBe(1);
    // R0: told again only behind a write of this very step.
    expect(member.written()).toEqual(['touch']);
    expect(member.sent(1)).toContainEqual({ type: 'joinView', last: { view: 0, op: 1 } });
  });

  it('is said again until it is heard', () => {
    const member = backup(2);
    look(member, 2_000);
    member.hear(1, EXIT);
    look(member, 200);
    expect(typesOf(member.sent(1))).toEqual(['joinView']);
    member.hear(1, { type: 'joinViewOk' });
    look(member, 200);
    expect(member.sent(1)).toEqual([]);
  });

  it('is begun again when the next view does not start within a second', () => {
    const member = backup(2);
    look(member, 2_000);
    member.hear(1, EXIT);
    member.hear(1, { type: 'joinViewOk' });
    look(member, 999);
    expect(typesOf(member.sent())).toEqual([]);
    look(member, 1);
    expect(member.sent(0)).toEqual([EXIT]);
    member.hear(0, EXIT);
    expect(member.state.view).toBe(2);
  });

  it('follows a higher promise wherever it is met', () => {
    const member = backup(2);
    member.hear(0, { type: 'refuse', reason: 'old-view' }, { view: 4 });
    expect(member.written()).toContain('view');
    expect(member.sent(1)).toEqual([{ type: 'joinView', last: { view: 0, op: 1 } }]);
  });
});

describe('the primary of a new view', () => {
  it('begins it once a majority has promised, itself included, and is normal when that has committed', () => {
    const member = moved();
    expect(member.state.view).toBe(1);
    expect(member.state.primary).toBeNull();
    member.hear(2, { type: 'joinView', last: { view: 0, op: 1 } });
    expect(member.store.logEntries(2, 1)).toMatchObject([
      { op: 2, view: 1, items: [{ command: { type: 'viewStart' } }] },
    ]);
    expect(member.sent(0)).toMatchObject([
      { type: 'prepare', prev: { view: 0, op: 1 }, entries: [{ op: 2 }] },
    ]);
    expect(replicaStatus(member.state)).toMatchObject({ role: 'primary', state: 'recovering' });
    member.hear(2, { type: 'prepareOk', op: 2, commit: 1 });
    expect(replicaStatus(member.state)).toMatchObject({ state: 'normal', commit: 2 });
  });

  it('serves nobody before', () => {
    const member = moved();
    const ask = () => member.ask({ type: 'command', reqId: 'r', command: put('k', 'b') });
    expect(ask()).toEqual({ type: 'not-ready', reason: 'recovering' });
    member.hear(2, { type: 'joinView', last: { view: 0, op: 1 } });
    expect(ask()).toBeUndefined();
    expect(member.state.log.last.op).toBe(2);
  });

  it('takes the log whose last entry is of the latest view, not the longest', () => {
    const member = moved([entry(1, 0, 'a'), entry(2, 0, 'x'), entry(3, 0, 'y')], 1);
    member.hear(2, { type: 'joinView', last: { view: 3, op: 2 } }, { view: 4 });
    expect(member.state.view).toBe(4);
    expect(member.sent(2)).toContainEqual({ type: 'pull', after: 2 });
    member.hear(2, { type: 'pulled', prev: { view: 3, op: 2 }, entries: [] });
    // The logs do not meet there: from what is committed, which is the same everywhere.
    expect(member.sent(2)).toEqual([{ type: 'pull', after: 1 }]);
    member.hear(2, { type: 'pulled', prev: { view: 0, op: 1 }, entries: [entry(2, 3, 'z')] });
    expect(member.store.logEntries(1, 1e6).map(({ op, view }) => `${view}.${op}`)).toEqual([
      '0.1',
      '3.2',
      '4.3',
    ]);
  });

  it('keeps its own where that is the best, and what was never committed with it', () => {
    const member = moved([entry(1, 0, 'a'), entry(2, 0, 'open')], 1);
    member.hear(2, { type: 'joinView', last: { view: 0, op: 1 } });
    expect(member.state.log.last).toEqual({ view: 1, op: 3 });
    expect(member.state.head.commit).toBe(1);
    // An entry of an older view commits with one of this view, never by count.
    member.hear(2, { type: 'prepareOk', op: 2, commit: 1 });
    expect(member.state.head.commit).toBe(1);
    member.hear(2, { type: 'prepareOk', op: 3, commit: 1 });
    expect(member.state.head.commit).toBe(3);
  });

  it('counts no batch of a source that has promised a higher view since', () => {
    const member = moved();
    member.hear(2, { type: 'joinView', last: { view: 0, op: 3 } });
    expect(member.sent(2)).toContainEqual({ type: 'pull', after: 1 });
    const entries = [entry(2, 0, 'b'), entry(3, 0, 'c')];
    member.hear(2, { type: 'pulled', prev: { view: 0, op: 1 }, entries }, { view: 2 });
    expect(member.state).toMatchObject({ view: 2, election: null, log: { last: { op: 1 } } });
  });

  it('asks again for what got lost on the way', () => {
    const member = moved();
    member.hear(2, { type: 'joinView', last: { view: 0, op: 2 } });
    look(member, 200);
    expect(member.sent(2)).toEqual([{ type: 'pull', after: 1 }]);
  });

  it('fetches the chunks of what it takes over before that counts', () => {
    const item = {
      reqId: 'big',
      digest: 'd',
      command: put('k', '', { value: { meta: 'big', body: { type: 'chunks', hashes: ['h1'], bytes: 9 } } }),
    };
    const member = moved();
    member.hear(2, { type: 'joinView', last: { view: 0, op: 2 } });
    const entries = [{ op: 2, view: 0, t: 1_000_020, items: [item] }];
    member.hear(2, { type: 'pulled', prev: { view: 0, op: 1 }, entries });
    expect(member.sent(2)).toEqual([{ type: 'fetchChunk', hash: 'h1' }]);
    expect(member.state.log.last.op).toBe(1);
    member.hear(2, { type: 'fetchedChunk', hash: 'h1', bytes: new Uint8Array(9) });
    expect(member.sent(2)).toEqual([{ type: 'pull', after: 1 }]);
    member.hear(2, { type: 'pulled', prev: { view: 0, op: 1 }, entries });
    expect(member.state.log.last).toEqual({ view: 1, op: 3 });
  });

  it('leaves its view again when no majority comes', () => {
    const member = moved();
    look(member, 1_000);
    expect(member.sent(0)).toEqual([EXIT]);
  });
});

describe('a member that is asked to hand on what is for the primary', () => {
  it('does while it hears the primary, though its caller suspects that', () => {
    const member = backup(2);
    expect(relayTarget(member.state, member.now)).toBe(0);
    member.ask({ type: 'suspect', view: 0 });
    expect(relayTarget(member.state, member.now + 499)).toBe(0);
    expect(relayTarget(member.state, member.now + 500)).toBeNull();
    member.hear(0, { type: 'probeOk', state: 'normal' });
    member.now += 999;
    expect(relayTarget(member.state, member.now)).toBe(0);
    expect(relayTarget(member.state, member.now + 1)).toBeNull();
  });

  it('does not where the primary said that it is none, where a view begins, or as the primary', () => {
    const member = backup(2);
    member.hear(0, { type: 'probeOk', state: 'unfit' });
    expect(relayTarget(member.state, member.now)).toBeNull();
    const joining = backup(2);
    joining.hear(1, { type: 'exitView', isFit: true }, { view: 1 });
    expect(relayTarget(joining.state, joining.now)).toBeNull();
    const primary = new Solo({ members: 3 });
    expect(relayTarget(primary.state, primary.now)).toBeNull();
  });
});

describe('the source of a log', () => {
  it('gives what follows the place asked for, and its chunks', () => {
    const member = backup(2);
    member.hear(0, { type: 'chunk', hash: 'h1', bytes: new Uint8Array(3) });
    const pulled = member.hear(1, { type: 'pull', after: 0 }, { view: 1 });
    expect(pulled).toMatchObject([
      { type: 'pulled', prev: START, entries: [{ op: 1 }] },
      { type: 'joinView' },
    ]);
    expect(member.hear(1, { type: 'pull', after: 7 })).toEqual([
      { type: 'pulled', prev: null, entries: [], after: 7 },
    ]);
    expect(member.hear(1, { type: 'fetchChunk', hash: 'h1' })).toMatchObject([{ bytes: { byteLength: 3 } }]);
    expect(member.hear(1, { type: 'fetchChunk', hash: 'h2' })).toMatchObject([{ bytes: null }]);
  });
});

describe('a primary that is left behind', () => {
  function primary(): Solo {
    const solo = new Solo({ members: 3 });
    solo.ask({ type: 'command', reqId: 'a', command: put('k', 'a') });
    solo.hear(1, { type: 'prepareOk', op: 1, commit: 0 });
    solo.confirmFrom(1);
    return solo;
  }

  it('tells those whose command is logged that nobody here knows, the others who is primary now', () => {
    const solo = primary();
    for (let i = 0; i < 5; i++) solo.ask({ type: 'command', reqId: `${i}`, command: put('k', `${i}`) });
    const logged = solo.lastId - 4;
    const queued = solo.lastId;
    solo.hear(1, { type: 'refuse', reason: 'old-view' }, { view: 1 });
    expect(solo.answerTo(logged)).toEqual({ type: 'deposed', view: 1, primary: 1 });
    expect(solo.answerTo(queued)).toEqual({ type: 'not-primary', view: 1, primary: 1 });
  });

  it('can commit nothing and confirm nothing any more', () => {
    const solo = primary();
    solo.ask({ type: 'command', reqId: 'b', command: put('k', 'b') });
    solo.ask({ type: 'read', key: 'k', lease: 'none' });
    const id = `${solo.state.nonce}.${solo.state.primary?.lastRound}`;
    solo.hear(1, { type: 'refuse', reason: 'old-view' }, { view: 1 });
    solo.hear(2, { type: 'prepareOk', op: 2, commit: 1 }, { view: 0 });
    expect(solo.state.head.commit).toBe(1);
    expect(solo.hear(2, { type: 'confirmOk', id, clock: CLOCK }, { view: 0 })).toEqual([]);
    expect(solo.state.primary).toBeNull();
  });

  it('knows when it is deaf, says so, and wants to leave', () => {
    const solo = primary();
    solo.now += 2_000;
    solo.run({ type: 'timer', name: 'heartbeat' });
    expect(solo.sent(1)).toContainEqual(EXIT);
    expect(solo.sent(1)).toContainEqual(expect.objectContaining({ type: 'confirm', isHeard: false }));
    solo.confirmFrom(2);
    solo.now += 500;
    solo.run({ type: 'timer', name: 'heartbeat' });
    expect(typesOf(solo.sent(1))).toEqual(['confirm']);
    expect(solo.sent(1)).toMatchObject([{ isHeard: true }]);
  });

  it('answers a probe well only while it may answer clients', () => {
    const solo = primary();
    expect(solo.hear(1, { type: 'probe' })).toContainEqual({ type: 'probeOk', state: 'normal' });
    solo.now += 2_000;
    expect(solo.hear(1, { type: 'probe' })).toContainEqual({ type: 'probeOk', state: 'recovering' });
    solo.ask({ type: 'command', reqId: 'b', command: put('k', 'b') });
    solo.boot();
    expect(solo.hear(1, { type: 'probe' })).toContainEqual({ type: 'probeOk', state: 'recovering' });
  });
});
