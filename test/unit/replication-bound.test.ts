// The staleness bound as a logged op: what the newest configuration says counts, and what was read under an older bound
// may be used for as long as that said.
import { describe, expect, it } from 'vitest';
import type { Command } from '../../core/replication/commands.ts';
import { DEFAULT_LIMITS } from '../../core/replication/limits.ts';
import type { LogEntry } from '../../core/replication/messages.ts';
import { strictAfterMs } from '../../core/replication/strict-purge.ts';
import { put, Solo } from '../support/solo.ts';

const OLD_MS = DEFAULT_LIMITS.boundMs;
const LOWER = { boundMs: 1_000, since: 3 };

const tell = (solo: Solo, boundMs: number, since: number) => solo.ask({ type: 'bound', boundMs, since });
const boundOf = (solo: Solo) => solo.read('k').boundMs;

/** The limit that a command is answered with: a strict purge would go by it. */
function limitOf(solo: Solo): number {
  const answer = solo.ask({ type: 'command', reqId: `${solo.now}-${solo.lastId}`, command: put('k', 'v') });
  if (answer?.type !== 'result') throw new Error(`No result, but ${answer?.type}`);
  return answer.limitMs;
}

describe('the staleness bound', () => {
  it('is what new groups have, until the configuration says otherwise', () => {
    const solo = new Solo();
    expect(boundOf(solo)).toBe(OLD_MS);
    tell(solo, LOWER.boundMs, LOWER.since);
    expect(boundOf(solo)).toBe(1_000);
    tell(solo, 60_000, 4);
    expect(boundOf(solo)).toBe(60_000);
  });

  it('is changed back by nobody who is behind, also after a restart', () => {
    const solo = new Solo();
    tell(solo, 1_000, 3);
    const before = solo.state.log.last.op;
    tell(solo, 30_000, 2);
    tell(solo, 30_000, 3);
    solo.boot();
    tell(solo, 30_000, 2);
    expect([boundOf(solo), solo.state.log.last.op]).toEqual([1_000, before]);
  });

  it('takes no nonsense', () => {
    const solo = new Solo();
    for (const [boundMs, since] of [
      [Number.NaN, 3],
      [-1, 3],
      [0.5, 3],
      [1_000, 2.5],
    ] as const)
      tell(solo, boundMs, since);
    expect(boundOf(solo)).toBe(OLD_MS);
  });

  it('is logged once, however many say it', () => {
    const solo = new Solo({ members: 3 });
    const appended = () =>
      solo.effects.flatMap((effect) =>
        effect.type === 'persist' ? effect.writes.filter(({ type }) => type === 'append') : [],
      );
    tell(solo, 1_000, 3);
    expect(appended()).toHaveLength(1);
    tell(solo, 1_000, 3);
    expect(appended()).toHaveLength(0);
  });

  it('changes the state hash', () => {
    const [one, other] = [new Solo(), new Solo()];
    tell(one, 1_000, 3);
    tell(other, 2_000, 3);
    expect(one.state.head.stateHash).not.toBe(other.state.head.stateHash);
  });
});

describe('a member that is not the primary', () => {
  it('passes news on, not too often, and nothing that is known', () => {
    const backup = new Solo({ members: 3, member: 1 });
    tell(backup, 1_000, 3);
    expect(backup.sent(0)).toContainEqual({ type: 'boundNews', boundMs: 1_000, since: 3 });
    tell(backup, 1_000, 3);
    expect(backup.sent()).toEqual([]);
    backup.now += 500;
    tell(backup, 1_000, 3);
    expect(backup.sent(0)).toHaveLength(1);
    const items = [{ reqId: '', digest: '', command: { type: 'bound', ...LOWER } as Command }];
    const entries: LogEntry[] = [{ op: 1, view: 0, t: backup.now, items }];
    backup.hear(0, { type: 'prepare', prev: { view: 0, op: 0 }, entries, commit: 1, isHeard: true });
    backup.now += 500;
    tell(backup, 1_000, 3);
    expect(backup.sent(0).filter(({ type }) => type === 'boundNews')).toEqual([]);
    expect(backup.state.head.boundMs).toBe(1_000);
  });

  it('is heard by the primary, which logs it', () => {
    const primary = new Solo({ members: 3 });
    primary.hear(1, { type: 'boundNews', boundMs: 1_000, since: 3 });
    expect(primary.sent(1)).toContainEqual(
      expect.objectContaining({
        type: 'prepare',
        entries: [
          expect.objectContaining({
            items: [expect.objectContaining({ command: { type: 'bound', ...LOWER } })],
          }),
        ],
      }),
    );
  });

  it('does not pass on what another one passed on', () => {
    const backup = new Solo({ members: 3, member: 1 });
    backup.hear(2, { type: 'boundNews', boundMs: 1_000, since: 3 });
    expect(backup.sent().filter(({ type }) => type === 'boundNews')).toEqual([]);
  });
});

describe('a lowered bound', () => {
  it('leaves strict purges the old one until that has run out, by the clock of one life', () => {
    const solo = new Solo();
    expect(limitOf(solo)).toBe(OLD_MS);
    tell(solo, 1_000, 3);
    expect(limitOf(solo)).toBe(OLD_MS);
    solo.now += strictAfterMs(OLD_MS) - 1;
    expect(limitOf(solo)).toBe(OLD_MS);
    solo.now += 1;
    // What settles is logged with whatever comes then.
    expect(limitOf(solo)).toBe(1_000);
  });

  it('is waited for anew by a new life, which cannot know how long the last one waited', () => {
    const solo = new Solo();
    tell(solo, 1_000, 3);
    solo.now += strictAfterMs(OLD_MS) - 1;
    solo.boot();
    solo.now += strictAfterMs(OLD_MS) - 1;
    expect(limitOf(solo)).toBe(OLD_MS);
    solo.now += 1;
    expect(limitOf(solo)).toBe(1_000);
    solo.boot();
    expect(limitOf(solo)).toBe(1_000);
  });

  it('keeps the largest of several, and counts from the last', () => {
    const solo = new Solo();
    tell(solo, 60_000, 3);
    expect(limitOf(solo)).toBe(60_000);
    tell(solo, 1_000, 4);
    solo.now += 30_000;
    tell(solo, 2_000, 5);
    solo.now += strictAfterMs(60_000) - 1;
    expect(limitOf(solo)).toBe(60_000);
    solo.now += 1;
    expect(limitOf(solo)).toBe(2_000);
  });

  it('settles by alarm in a group of one, which nothing else wakes', () => {
    const solo = new Solo();
    tell(solo, 1_000, 3);
    expect(solo.effects).toContainEqual({
      type: 'setAlarm',
      atMs: Math.ceil((solo.now + strictAfterMs(OLD_MS)) / 1_000) * 1_000,
    });
    solo.now += 6_000;
    solo.run({ type: 'alarm' });
    expect(solo.state.head.boundMaxMs).toBe(1_000);
  });

  it('is none where it was raised', () => {
    const solo = new Solo();
    tell(solo, 20_000, 3);
    expect([limitOf(solo), solo.state.head.boundMaxMs]).toEqual([20_000, 20_000]);
  });
});
