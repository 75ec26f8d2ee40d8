// Reads and rest: what a primary must have heard before it answers, and when a group says nothing more.
import { describe, expect, it } from 'vitest';
import type { ClientAnswer, Echo, MessageBody, ReadLevel } from '../../core/replication/messages.ts';
import type { Viewstamp } from '../../core/replication/viewstamp.ts';
import { kvEntryKey } from '../../core/sharding/entry-key.ts';
import { entry, put, Solo, WINDOW } from '../support/solo.ts';

const KEY = kvEntryKey('ns', 'k');
const CLOCK = { s: 1_000_000, nonce: 'b' };

const typesOf = (bodies: readonly MessageBody[]) => bodies.map(({ type }) => type);
const timersSet = (solo: Solo) =>
  solo.effects.flatMap((effect) =>
    effect.type === 'setTimer' && effect.afterMs !== null ? [effect.name] : [],
  );

/** A primary of three with one committed row, both backups up to date. */
function primary(): Solo {
  const solo = new Solo({ members: 3 });
  solo.ask({ type: 'command', reqId: 'a', command: put(KEY, 'a') });
  for (const member of [1, 2]) solo.hear(member, { type: 'prepareOk', op: 1, commit: 0 });
  solo.now += 50;
  solo.run({ type: 'timer', name: 'follow' });
  for (const member of [1, 2]) solo.hear(member, { type: 'prepareOk', op: 1, commit: 1 });
  solo.confirmFrom(1);
  return solo;
}

function read(solo: Solo, level?: ReadLevel): { id: number; answer: ClientAnswer | undefined } {
  const answer = solo.ask({ type: 'read', key: KEY, lease: 'none', ...(level && { level }) });
  return { id: solo.lastId, answer };
}

const roundOf = (solo: Solo): string =>
  solo.sent(1).flatMap((body) => (body.type === 'confirm' ? [body.id] : []))[0] ?? 'none';

describe('a linearizable read', () => {
  it('waits for a majority to say that this is still the primary', () => {
    const solo = primary();
    const { id, answer } = read(solo);
    expect(answer).toBeUndefined();
    expect(solo.effects[0]).toEqual({ type: 'persist', writes: [{ type: 'touch' }] });
    expect(typesOf(solo.sent())).toEqual(['confirm', 'confirm']);
    solo.hear(2, { type: 'confirmOk', id: roundOf(solo), clock: CLOCK });
    expect(solo.answerTo(id)).toMatchObject({ type: 'rows', rows: [{ value: { meta: 'a' } }] });
  });

  it('is not answered by a round that began before it arrived', () => {
    const solo = primary();
    const first = read(solo).id;
    const firstRound = roundOf(solo);
    const second = read(solo).id;
    expect(solo.sent()).toEqual([]);
    solo.hear(1, { type: 'confirmOk', id: firstRound, clock: CLOCK });
    expect(solo.answerTo(first)).toMatchObject({ type: 'rows' });
    expect(solo.answerTo(second)).toBeUndefined();
    solo.run({ type: 'timer', name: 'batch' });
    const secondRound = roundOf(solo);
    expect(secondRound).not.toBe(firstRound);
    solo.hear(2, { type: 'confirmOk', id: firstRound, clock: CLOCK });
    expect(solo.answerTo(second)).toBeUndefined();
    solo.hear(2, { type: 'confirmOk', id: secondRound, clock: CLOCK });
    expect(solo.answerTo(second)).toMatchObject({ type: 'rows' });
  });

  it('finds nothing expired that an entry on its way to being committed will find alive', () => {
    const solo = primary();
    const lived = { ...put(KEY, 'b'), ttlMs: 1_000 };
    solo.ask({ type: 'command', reqId: 'b', command: lived });
    solo.hear(1, { type: 'prepareOk', op: 2, commit: 1 });
    solo.now += 900;
    solo.ask({ type: 'command', reqId: 'c', command: put(kvEntryKey('ns', 'other'), 'c') });
    solo.now += 200;
    const metas = () => {
      const { id } = read(solo);
      solo.hear(2, { type: 'confirmOk', id: roundOf(solo), clock: CLOCK });
      const answer = solo.answerTo(id);
      return answer?.type === 'rows' ? answer.rows.map(({ value }) => value.meta) : answer;
    };
    expect(metas()).toEqual(['b']);
    solo.hear(1, { type: 'prepareOk', op: 3, commit: 2 });
    expect(metas()).toEqual([]);
  });

  it('is not answered by a round of an earlier life, nor by the same member twice', () => {
    const solo = primary();
    const old = `${solo.state.nonce}.1`;
    solo.boot();
    const { id } = read(solo);
    solo.hear(1, { type: 'confirmOk', id: old, clock: CLOCK });
    expect(solo.answerTo(id)).toBeUndefined();

    const five = new Solo({ members: 5 });
    const asked = read(five).id;
    const round = roundOf(five);
    for (let i = 0; i < 3; i++) five.hear(1, { type: 'confirmOk', id: round, clock: CLOCK });
    expect(five.answerTo(asked)).toBeUndefined();
    five.hear(3, { type: 'confirmOk', id: round, clock: CLOCK });
    expect(five.answerTo(asked)).toMatchObject({ type: 'rows' });
  });

  it('that no majority answers is given up after two seconds', () => {
    const solo = primary();
    const { id } = read(solo);
    solo.now += 2_000;
    solo.run({ type: 'timer', name: 'resend' });
    expect(solo.answerTo(id)).toEqual({ type: 'not-ready', reason: 'recovering' });
  });

  it('in a group of one leaves behind a write of its own step, which a superseded instance cannot make', () => {
    const solo = new Solo();
    const { answer } = read(solo);
    expect(answer).toMatchObject({ type: 'rows' });
    expect(solo.written()).toEqual(['touch']);
  });
});

describe('a bounded read at the primary', () => {
  it('is answered at once while a majority has answered within the bound, and waits for one otherwise', () => {
    const solo = primary();
    solo.now += 4_900;
    expect(read(solo, 'bounded').answer).toMatchObject({ type: 'rows' });
    solo.now += 200;
    const { id, answer } = read(solo, 'bounded');
    expect(answer).toBeUndefined();
    solo.confirmFrom(1);
    expect(solo.answerTo(id)).toMatchObject({ type: 'rows' });
  });

  it('is not answered by a life that has confirmed nothing yet, nor after a clock that went back', () => {
    const booted = primary();
    booted.boot();
    expect(read(booted, 'bounded').answer).toBeUndefined();
    const solo = primary();
    solo.now -= 1_000_000;
    expect(read(solo, 'bounded').answer).toBeUndefined();
  });
});

describe('a backup', () => {
  it('confirms only behind a touched row', () => {
    const member = new Solo({ members: 3, member: 1 });
    const sent = member.hear(0, { type: 'confirm', id: 'x.1', isHeard: true, echo: null });
    expect(sent).toMatchObject([{ type: 'confirmOk', id: 'x.1', clock: { s: 1_000_000, nonce: 'life-1' } }]);
    expect(member.written()).toEqual(['touch']);
  });
});

describe('a read at a backup', () => {
  const prev = { view: 0, op: 0 };
  const confirmed = (n: number, echo: Echo | null): MessageBody => ({
    type: 'confirm',
    id: `x.${n}`,
    isHeard: true,
    echo,
  });

  function backup(commit = 1, limits = {}): Solo {
    const member = new Solo({ members: 3, member: 1, limits });
    const entries = [entry(1, 0, 'a'), entry(2, 0, 'b')];
    member.hear(0, { type: 'prepare', prev, entries, commit, isHeard: true });
    return member;
  }

  const ask = (member: Solo, level: ReadLevel, bookmark: Viewstamp | null = null) =>
    member.ask({ type: 'read', key: 'k', lease: 'none', level, bookmark });
  const toPrimary = { type: 'not-primary', view: 0, primary: 0 };

  it('of any age is answered, and says that it does not know how old it is', () => {
    expect(ask(backup(), 'any')).toMatchObject({
      type: 'rows',
      rows: [{ value: { meta: 'a' } }],
      ageMs: null,
    });
  });

  it('is fresh as of the time that came back from the primary, for as long as the bound', () => {
    const member = backup();
    expect(ask(member, 'bounded')).toEqual(toPrimary);
    member.now += 900;
    member.hear(0, confirmed(1, { s: member.now - 800, nonce: 'life-1', commit: 1 }));
    expect(ask(member, 'bounded')).toMatchObject({ type: 'rows', ageMs: 800, boundMs: 5_000 });
    member.now += 4_200;
    member.hear(0, confirmed(2, null));
    expect(ask(member, 'bounded')).toMatchObject({ type: 'rows', ageMs: 5_000 });
    member.now += 1;
    expect(ask(member, 'bounded')).toEqual(toPrimary);
  });

  it('is not fresh before what was committed by then is applied', () => {
    const member = backup(1);
    member.hear(0, confirmed(1, { s: member.now, nonce: 'life-1', commit: 2 }));
    expect(ask(member, 'bounded')).toEqual(toPrimary);
    member.hear(0, { type: 'prepare', prev: { view: 0, op: 2 }, entries: [], commit: 2, isHeard: true });
    expect(ask(member, 'bounded')).toMatchObject({ type: 'rows', bookmark: { op: 2 } });
  });

  it('is not fresh by the time of an earlier life', () => {
    const member = backup();
    member.boot();
    member.hear(0, confirmed(1, { s: member.now, nonce: 'life-1', commit: 1 }));
    expect(ask(member, 'bounded')).toEqual(toPrimary);
    member.hear(0, confirmed(1, { s: member.now, nonce: 'life-2', commit: 1 }));
    expect(ask(member, 'bounded')).toMatchObject({ type: 'rows' });
  });

  it('of a session is answered by whoever has seen as much, within the bound', () => {
    const member = backup();
    expect(ask(member, 'session', { view: 0, op: 1 })).toEqual(toPrimary);
    member.hear(0, confirmed(1, { s: member.now, nonce: 'life-1', commit: 1 }));
    expect(ask(member, 'session', { view: 0, op: 1 })).toMatchObject({ type: 'rows', bookmark: { op: 1 } });
    // Nothing known of this group: as good as linearizable.
    expect(ask(member, 'session')).toEqual(toPrimary);
  });

  describe('of a session that has seen more than is applied here', () => {
    /** Fresh, with op 2 logged and not known to be committed. */
    function following(limits = {}): Solo {
      const member = backup(1, limits);
      member.hear(0, confirmed(1, { s: member.now, nonce: 'life-1', commit: 1 }));
      return member;
    }

    it('waits a moment for it', () => {
      const member = following();
      expect(ask(member, 'session', { view: 0, op: 2 })).toBeUndefined();
      expect(ask(member, 'session', { view: 0, op: 3 })).toBeUndefined();
      const [two, three] = [member.lastId - 1, member.lastId];
      member.now += 60;
      member.hear(0, { type: 'prepare', prev: { view: 0, op: 2 }, entries: [], commit: 2, isHeard: true });
      expect(member.answerTo(two)).toMatchObject({ type: 'rows', bookmark: { op: 2 } });
      expect(member.answerTo(three)).toBeUndefined();
      member.now += 40;
      member.run({ type: 'timer', name: 'watch' });
      expect(member.answerTo(three)).toEqual(toPrimary);
      member.hear(0, {
        type: 'prepare',
        prev: { view: 0, op: 2 },
        entries: [entry(3, 0, 'c')],
        commit: 3,
        isHeard: true,
      });
      expect(member.answerTo(three)).toBeUndefined();
    });

    it('has a timer of its own', () => {
      const member = following();
      ask(member, 'session', { view: 0, op: 2 });
      expect(member.effects).toContainEqual({ type: 'setTimer', name: 'watch', afterMs: 100 });
    });

    it('does not wait where it would be in vain: too far ahead, not fresh, too many, no view', () => {
      expect(ask(following(), 'session', { view: 0, op: 3 + WINDOW })).toEqual(toPrimary);
      expect(ask(backup(1), 'session', { view: 0, op: 2 })).toEqual(toPrimary);
      const crowded = following({ queueMax: 1 });
      expect(ask(crowded, 'session', { view: 0, op: 2 })).toBeUndefined();
      expect(ask(crowded, 'session', { view: 0, op: 2 })).toEqual(toPrimary);
      const leaving = following();
      ask(leaving, 'session', { view: 0, op: 2 });
      leaving.hear(2, { type: 'exitView', isFit: true }, { view: 1 });
      expect(leaving.answerTo(leaving.lastId)).toEqual({ type: 'not-ready', reason: 'recovering' });
    });
  });

  it('that is to be linearizable, or wants a lease, goes to the primary', () => {
    const member = backup();
    member.hear(0, confirmed(1, { s: member.now, nonce: 'life-1', commit: 1 }));
    expect(ask(member, 'linearizable')).toEqual(toPrimary);
    const request = { type: 'read', key: 'none', lease: 'when-absent', level: 'bounded' } as const;
    expect(member.ask(request)).toEqual(toPrimary);
  });
});

describe("a backup's own time", () => {
  const echoesTo = (solo: Solo, member: number) =>
    solo.sent(member).flatMap((body) => (body.type === 'confirm' ? [body.echo] : []));

  function beat(solo: Solo): string {
    solo.now += 500;
    solo.run({ type: 'timer', name: 'heartbeat' });
    return roundOf(solo);
  }

  it('goes back to it once a round that began after it came was answered by a majority', () => {
    const solo = primary();
    const first = beat(solo);
    solo.hear(1, { type: 'confirmOk', id: first, clock: { s: 7, nonce: 'b1' } });
    const second = beat(solo);
    // The first round was under way when it came: that says nothing about what was committed before.
    expect(echoesTo(solo, 1)).not.toContainEqual(expect.objectContaining({ s: 7 }));
    solo.hear(2, { type: 'confirmOk', id: second, clock: { s: 9, nonce: 'b2' } });
    beat(solo);
    expect(echoesTo(solo, 1)).toEqual([{ s: 7, nonce: 'b1', commit: 1 }]);
  });

  it('is not sent back by a primary that recovers: it does not know what was committed', () => {
    const solo = primary();
    solo.ask({ type: 'command', reqId: 'b', command: put(KEY, 'b') });
    solo.boot();
    for (let i = 0; i < 3; i++) {
      const round = beat(solo);
      expect(echoesTo(solo, 1)).toEqual([null]);
      solo.hear(1, { type: 'confirmOk', id: round, clock: { s: 7, nonce: 'b1' } });
    }
  });
});

describe('a group without requests', () => {
  function beat(solo: Solo, afterMs = 500): void {
    solo.now += afterMs;
    solo.run({ type: 'timer', name: 'heartbeat' });
  }

  it('is told twice a second that its primary is at work, then goes to rest', () => {
    const solo = primary();
    for (let i = 0; i < 59; i++) {
      beat(solo);
      expect(typesOf(solo.sent())).toEqual(['confirm', 'confirm']);
      solo.confirmFrom(1);
    }
    beat(solo);
    expect(solo.sent(1)).toEqual([{ type: 'quiesce', commit: 1 }]);
    solo.hear(1, { type: 'quiesceOk', commit: 1 });
    expect(solo.state.isAtRest).toBe(false);
    beat(solo);
    expect([solo.sent(1), solo.sent(2)]).toEqual([[], [{ type: 'quiesce', commit: 1 }]]);
    solo.hear(2, { type: 'quiesceOk', commit: 1 });
    expect(solo.state.isAtRest).toBe(true);
    expect(timersSet(solo)).toEqual([]);
    for (const name of ['heartbeat', 'watch', 'resend', 'follow'] as const) {
      expect(solo.run({ type: 'timer', name })).toEqual([]);
    }
  });

  it('is woken by whoever asks: the others hear of it at once', () => {
    const solo = primary();
    beat(solo, 30_000);
    for (const member of [1, 2]) solo.hear(member, { type: 'quiesceOk', commit: 1 });
    solo.now += 3_600_000;
    const { id } = read(solo, 'bounded');
    expect(typesOf(solo.sent(2))).toEqual(['confirm']);
    expect(timersSet(solo)).toEqual(expect.arrayContaining(['watch', 'heartbeat']));
    solo.confirmFrom(1);
    expect(solo.answerTo(id)).toMatchObject({ type: 'rows' });
  });

  it('takes back its rest when a request comes in between', () => {
    const solo = primary();
    beat(solo, 30_000);
    solo.hear(1, { type: 'quiesceOk', commit: 1 });
    solo.ask({ type: 'command', reqId: 'b', command: put(KEY, 'b') });
    expect(typesOf(solo.sent(1))).toEqual(['prepare', 'confirm']);
    solo.hear(2, { type: 'quiesceOk', commit: 1 });
    expect(solo.state.isAtRest).toBe(false);
  });

  it('rests without a member that does not answer, and looks for it by alarm, later and later', () => {
    const solo = primary();
    beat(solo, 30_000);
    solo.hear(1, { type: 'quiesceOk', commit: 1 });
    const alarms: number[] = [];
    for (let i = 0; i < 3; i++) {
      beat(solo, 30_000);
      expect(solo.state.isAtRest).toBe(true);
      alarms.push((solo.state.alarmAt ?? 0) - solo.now);
      solo.now += alarms.at(-1) ?? 0;
      solo.run({ type: 'alarm' });
      beat(solo);
      expect(typesOf(solo.sent(1))).toEqual(['quiesce']);
      solo.hear(1, { type: 'quiesceOk', commit: 1 });
    }
    expect(alarms).toEqual([60_000, 120_000, 240_000]);
  });

  it('does not rest on the word of a minority: silence is looked into first', () => {
    const solo = primary();
    beat(solo, 30_000);
    beat(solo, 2_000);
    expect(typesOf(solo.sent(1))).toEqual(['confirm']);
    beat(solo, 2_000);
    expect(typesOf(solo.sent(1))).toContain('exitView');
  });
});

describe('a backup at rest', () => {
  function resting(): Solo {
    const member = new Solo({ members: 3, member: 1 });
    const prev = { view: 0, op: 0 };
    member.hear(0, { type: 'prepare', prev, entries: [entry(1, 0, 'a')], commit: 1, isHeard: true });
    member.hear(0, { type: 'quiesce', commit: 1 });
    return member;
  }

  it('has everything on its disk and holds no timer', () => {
    const member = resting();
    expect(member.sent(0)).toEqual([{ type: 'quiesceOk', commit: 1 }]);
    expect(member.state.isAtRest).toBe(true);
    expect(member.store.head().applied).toBe(1);
    expect(timersSet(member)).toEqual([]);
  });

  it('does not agree before it has applied all', () => {
    const member = new Solo({ members: 3, member: 1 });
    const prev = { view: 0, op: 0 };
    member.hear(0, { type: 'prepare', prev, entries: [entry(1, 0, 'a')], commit: 0, isHeard: true });
    expect(member.hear(0, { type: 'quiesce', commit: 1 })).toEqual([]);
    expect(member.state.isAtRest).toBe(false);
  });

  it('is not woken by being asked to rest once more', () => {
    const member = resting();
    expect(member.hear(0, { type: 'quiesce', commit: 1 })).toEqual([{ type: 'quiesceOk', commit: 1 }]);
    expect(member.state.isAtRest).toBe(true);
  });

  it('counts its evidence from when it is woken, and asks the primary first', () => {
    const member = resting();
    member.now += 3_600_000;
    member.ask({ type: 'suspect', view: 0 });
    expect(member.sent()).toEqual([{ type: 'probe' }]);
    const other = resting();
    other.now += 3_600_000;
    expect(other.hear(2, { type: 'exitView', isFit: true })).toEqual([
      { type: 'exitViewOk', isFit: true },
      { type: 'probe' },
    ]);
    expect(other.state.view).toBe(0);
  });
});
