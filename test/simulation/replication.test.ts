// The replication core in a simulated world: runs that say exactly what happens. The thousands of random ones have a project
// of their own (test/simulation/profiles).
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../core/random.ts';
import type { ClientAnswer } from '../../core/replication/messages.ts';
import { kvEntryKey } from '../../core/sharding/entry-key.ts';
import { Edge } from '../../simulate/clients/edge.ts';
import { Chance } from '../../simulate/engine/chance.ts';
import { Cluster } from '../../simulate/engine/cluster.ts';
import { EDGES_FROM } from '../../simulate/engine/network.ts';
import { World } from '../../simulate/engine/world.ts';
import { runSeed } from '../../simulate/run/run-seed.ts';
import { put } from '../support/solo.ts';

describe('a seed', () => {
  it('does the same again', () => {
    for (const profile of ['core', 'invalidation'] as const) {
      const [once, again, other] = [7, 7, 8].map((seed) => runSeed(seed, { profile, operations: 100 }));
      expect(again).toEqual(once);
      expect(other?.traceHash).not.toBe(once?.traceHash);
    }
  });

  it('runs the same code with one member, and with five', () => {
    for (let seed = 1; seed <= 5; seed++) {
      for (const members of [1, 5]) {
        const run = runSeed(seed, { profile: 'core', operations: 100, members });
        expect(run.acknowledgedWrites).toBeGreaterThan(10);
      }
    }
  });
});

describe('a group whose primary dies', () => {
  it('writes again within 2.5 s in half of the cases, within 6 s in nearly all', { timeout: 30_000 }, () => {
    const KEY = kvEntryKey('test', 'k');
    const outages = Array.from({ length: 100 }, (_, seed) => {
      const cluster = new Cluster({ members: 3, chance: new Chance(seededRandom(seed + 1)) });
      const { scheduler } = cluster;
      const edge = new Edge(0, new World([cluster]));
      let acknowledged = 0;
      let asked = 0;
      const ask = (): void => {
        const id = ++asked;
        const request = { type: 'command', reqId: `r${id}`, command: put(KEY, `${id}`) } as const;
        edge.call(request, { deadlineMs: 60_000, tryMs: 400, anyMember: false }, (outcome) => {
          if (outcome.type === 'answered') acknowledged += 1;
          scheduler.after(5, ask);
        });
      };
      ask();
      scheduler.run(() => false, scheduler.now + 1_000 + cluster.chance.next() * 1_000);
      const before = acknowledged;
      expect(before).toBeGreaterThan(10);
      const diedAt = scheduler.now;
      cluster.crash(cluster.member(0), 60_000);
      scheduler.run(() => acknowledged > before + 1, diedAt + 20_000);
      return scheduler.now - diedAt;
    });
    outages.sort((a, b) => a - b);
    expect(outages[50]).toBeLessThanOrEqual(2_500);
    expect(outages[98]).toBeLessThanOrEqual(6_000);
  });
});

describe('a group without random faults', () => {
  const KEY = kvEntryKey('test', 'k');

  function group(): Cluster {
    const cluster = new Cluster({ members: 3, chance: new Chance(seededRandom(1)) });
    for (const member of cluster.members) cluster.awake(member);
    cluster.scheduler.run(() => false);
    return cluster;
  }

  /** The member that is primary now, as most of them know it. */
  function primaryOf(cluster: Cluster): number {
    const views = cluster.members.map(({ disk }) => disk.durable.view);
    return Math.max(...views) % cluster.members.length;
  }

  /** Asks the primary and lets `ms` pass; what it answered by then. */
  function write(cluster: Cluster, meta: string, ms = 500): ClientAnswer | null {
    let answered: ClientAnswer | null = null;
    const request = { type: 'command', reqId: meta, command: put(KEY, meta) } as const;
    cluster.ask(0, primaryOf(cluster), [request], (outcome) => {
      if (outcome.type === 'answered') answered = outcome.answer;
    });
    pass(cluster, ms);
    return answered;
  }

  function pass(cluster: Cluster, ms: number): void {
    let over = false;
    cluster.scheduler.after(ms, () => {
      over = true;
    });
    cluster.scheduler.run(() => over);
  }

  /** Unreachable for the others, in both directions. */
  function cut(cluster: Cluster, id: number): void {
    for (let other = 0; other < EDGES_FROM; other++) {
      cluster.network.cut(id, other);
      cluster.network.cut(other, id);
    }
  }

  function metasAt(cluster: Cluster, id: number): string[] {
    return cluster
      .member(id)
      .disk.durable.rows(KEY)
      .map(({ value }) => value.meta);
  }

  it('that is new greets, and holds no timer', () => {
    const cluster = group();
    expect([...cluster.sentByType]).toEqual([['hello', 6]]);
    expect(cluster.members.map(({ instance, alarm }) => [instance?.timers.size, alarm.atMs])).toEqual(
      Array(3).fill([0, null]),
    );
  });

  it('spends four prepares on a lone write: two to have it held, two to have it applied; then it goes to rest', () => {
    const cluster = group();
    expect(write(cluster, 'a', 5_000)).toMatchObject({ type: 'result', result: { type: 'stored' } });
    expect(cluster.sentByType.get('prepare')).toBe(4);
    pass(cluster, 30_000);
    const sent = cluster.messagesSent;
    expect(cluster.sentByType.get('quiesce')).toBe(2);
    pass(cluster, 86_400_000);
    expect(cluster.messagesSent).toBe(sent);
    expect(cluster.members.map(({ alarm }) => alarm.atMs)).toEqual([null, null, null]);
    expect([0, 1, 2].map((id) => metasAt(cluster, id))).toEqual([['a'], ['a'], ['a']]);
    expect(cluster.members.map(({ instance }) => instance?.timers.size)).toEqual([0, 0, 0]);
  });

  it('goes on with one backup cut off, which catches up when it is back', () => {
    const cluster = group();
    cut(cluster, 2);
    for (let i = 0; i < 20; i++) expect(write(cluster, `w${i}`)).toMatchObject({ type: 'result' });
    expect(metasAt(cluster, 2)).toEqual([]);
    cluster.network.mendAll();
    pass(cluster, 10_000);
    expect(metasAt(cluster, 2)).toEqual(['w19']);
    expect(cluster.member(2).disk.durable.head()).toMatchObject({ applied: 20, lastLogged: { op: 20 } });
  });

  it('acknowledges nothing with both backups cut off, and finishes what it began when they are back', () => {
    const cluster = group();
    expect(write(cluster, 'before')).toMatchObject({ type: 'result' });
    for (const id of [1, 2]) cut(cluster, id);
    expect(write(cluster, 'during', 20_000)).toBeNull();
    cluster.network.mendAll();
    pass(cluster, 10_000);
    expect(write(cluster, 'during', 1_000)).toMatchObject({ type: 'result', result: { type: 'stored' } });
    pass(cluster, 1_000);
    expect([0, 1, 2].map((id) => metasAt(cluster, id))).toEqual([['during'], ['during'], ['during']]);
  });

  it('tells a backup that was gone for an hour what it missed, though nobody wrote since', () => {
    const cluster = group();
    cut(cluster, 2);
    write(cluster, 'a', 3_600_000);
    expect(cluster.member(0).instance?.timers.size).toBe(0);
    expect(cluster.messagesSent).toBeLessThan(1_500);
    cluster.network.mendAll();
    pass(cluster, 3_600_000);
    expect(metasAt(cluster, 2)).toEqual(['a']);
  });

  it('loses nothing when all members vanish at once in the middle of a write', () => {
    const cluster = group();
    for (let i = 0; i < 10; i++) {
      cluster.ask(0, 0, [{ type: 'command', reqId: `w${i}`, command: put(KEY, `w${i}`) }], () => {});
      pass(cluster, 3 * i);
      for (const member of cluster.members) cluster.crash(member, 50);
      pass(cluster, 3_000);
      expect(write(cluster, `w${i}`)).toMatchObject({ type: 'result' });
    }
    pass(cluster, 10_000);
    expect([0, 1, 2].map((id) => metasAt(cluster, id))).toEqual([['w9'], ['w9'], ['w9']]);
  });
});
