// The snapshot source against a directory, a clock and timers that the test holds in its hand.
import { describe, expect, it } from 'vitest';
import type { Config } from '../../core/config/schema.ts';
import { ProofLog } from '../../core/load-balancing/proof-log.ts';
import type { SnapshotAnswer, SnapshotQuestion } from '../../durable-objects/interfaces/directory.ts';
import { createSnapshotSource } from '../../worker/config-snapshot.ts';

/** A directory, a clock and timers in one hand: time passes only when the test lets it. */
function setUp() {
  let nowMs = 1_000_000;
  const timers: { at: number; fire: () => void }[] = [];
  const questions: SnapshotQuestion[] = [];
  const directory = {
    version: 1,
    healthEpoch: 0,
    /** How many ms an answer takes; null = never. */
    latencyMs: 1 as number | null,
    fails: false,
  };
  const sleep = (ms: number) =>
    new Promise<void>((resolve) => {
      timers.push({ at: nowMs + Math.max(ms, 0), fire: resolve });
    });
  const proofs = new ProofLog();
  const source = createSnapshotSource({
    proofs,
    now: () => nowMs,
    sleep,
    directory: () => ({
      async snapshot(question) {
        questions.push(question);
        const answer = answerTo(question, directory.version, directory.healthEpoch);
        if (directory.latencyMs === null) return new Promise<never>(() => {});
        await sleep(directory.latencyMs);
        if (directory.fails) throw new Error('unreachable');
        return answer;
      },
    }),
  });
  const settle = async () => {
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };
  const advance = async (ms: number) => {
    const untilMs = nowMs + ms;
    await settle();
    for (;;) {
      timers.sort((a, b) => a.at - b.at);
      const next = timers[0];
      if (!next || next.at > untilMs) break;
      timers.shift();
      nowMs = next.at;
      next.fire();
      await settle();
    }
    nowMs = untilMs;
    await settle();
  };
  /** How long `current()` took, and what it gave, within `limitMs`. */
  const ask = async (limitMs = 5_000) => {
    const askedAt = nowMs;
    let done: { version: number | null; tookMs: number } | null = null;
    const background: Promise<unknown>[] = [];
    const current = source.current({ waitUntil: (promise) => background.push(promise) });
    void Promise.resolve(current).then((snapshot) => {
      done = { version: snapshot?.version ?? null, tookMs: nowMs - askedAt };
    });
    for (let waitedMs = 0; done === null && waitedMs < limitMs; waitedMs++) await advance(1);
    return (
      (done as { version: number | null; tookMs: number } | null) ?? { version: null, tookMs: Number.NaN }
    );
  };
  return { source, directory, questions, ask, advance, proofs };
}

function answerTo(question: SnapshotQuestion, version: number, healthEpoch: number): SnapshotAnswer {
  const shards: Config['shards'] = { count: 1, replicas: 1, regions: ['weur'] };
  const config: Config = {
    pools: {},
    routes: [],
    shards,
    staleness: { boundMs: 5_000 },
    l1: { bytesMax: 0 },
  };
  return {
    version,
    healthEpoch,
    boundSince: 0,
    config: question.version === version ? null : config,
    health: question.healthEpoch === healthEpoch ? null : {},
    shardMap: question.mapEpoch === 1 ? null : { epoch: 1, slots: [], groups: [] },
  };
}

describe('createSnapshotSource', () => {
  it('waits for the first snapshot and asks once for many requests', async () => {
    const { directory, questions, source, advance } = setUp();
    directory.latencyMs = 30;
    const versions: (number | null)[] = [];
    for (let i = 0; i < 50; i++) {
      const current = source.current({ waitUntil: () => {} });
      void Promise.resolve(current).then((snapshot) => versions.push(snapshot?.version ?? null));
    }
    await advance(40);
    expect(versions).toEqual(Array(50).fill(1));
    expect(questions).toEqual([{ version: -1, healthEpoch: -1, mapEpoch: -1 }]);
  });

  it('gives up after 2 s when there is none, and has asked again meanwhile', async () => {
    const { directory, questions, ask } = setUp();
    directory.fails = true;
    const { version, tookMs } = await ask();
    expect(version).toBeNull();
    expect(tookMs).toBeGreaterThanOrEqual(2_000);
    expect(tookMs).toBeLessThan(2_100);
    expect(questions.length).toBeGreaterThan(10);
    // At most one question per 50 ms.
    expect(questions.length).toBeLessThanOrEqual(42);
  });

  it('uses what was checked within the last second at once, and asks in the background after half of it', async () => {
    const { directory, questions, ask, advance } = setUp();
    await ask();
    await advance(400);
    expect(await ask()).toEqual({ version: 1, tookMs: 0 });
    expect(questions).toHaveLength(1);
    await advance(200);
    directory.version = 2;
    // Known at once, checked behind the request's back.
    expect((await ask()).version).toBe(1);
    await advance(5);
    expect(questions).toHaveLength(2);
    expect((await ask()).version).toBe(2);
  });

  it('checks first when the last check is over a second ago', async () => {
    const { directory, ask, advance } = setUp();
    await ask();
    await advance(1_500);
    directory.version = 2;
    expect((await ask()).version).toBe(2);
  });

  it('waits at most 100 ms for that, serves on with what it has, and then does not wait for a second', async () => {
    const { directory, ask, advance } = setUp();
    await ask();
    await advance(1_500);
    directory.latencyMs = null;
    const first = await ask();
    expect(first.version).toBe(1);
    expect(first.tookMs).toBeGreaterThanOrEqual(100);
    expect(first.tookMs).toBeLessThan(110);
    expect((await ask()).tookMs).toBe(0);
    await advance(1_100);
    expect((await ask()).tookMs).toBeGreaterThanOrEqual(100);
  });

  it('finds back to a directory that was silent', async () => {
    const { directory, ask, advance } = setUp();
    await ask();
    directory.latencyMs = null;
    await advance(1_500);
    await ask();
    directory.latencyMs = 1;
    directory.version = 7;
    await advance(1_600);
    expect((await ask()).version).toBe(7);
  });

  it('asks at the next request when an answer mentioned something newer', async () => {
    const { source, directory, questions, ask, advance } = setUp();
    await ask();
    await advance(100);
    directory.healthEpoch = 5;
    source.heardOf(1, 5);
    await ask();
    await advance(5);
    expect(questions).toHaveLength(2);
    expect(source.peek()?.healthEpoch).toBe(5);
    // What it already knows is no news.
    source.heardOf(1, 5);
    await ask();
    await advance(5);
    expect(questions).toHaveLength(2);
  });

  it('tells with its question what requests have proved, once, and not with the first', async () => {
    const { proofs, questions, ask, advance } = setUp();
    proofs.note(1, 'web', 'a', true, 999_990);
    await ask();
    expect(questions[0]).not.toHaveProperty('proofs');
    await advance(1_500);
    await ask();
    await advance(1_500);
    await ask();
    expect(questions.map((question) => question.proofs)).toEqual([
      undefined,
      [['web', 'a', expect.any(Number)]],
      undefined,
    ]);
    expect(questions[1]?.proofs?.[0]?.[2]).toBeGreaterThanOrEqual(1_510);
  });

  it('keeps the objects of what did not change, so that nothing is compiled again', async () => {
    const { source, directory, ask, advance } = setUp();
    await ask();
    const before = source.peek();
    directory.healthEpoch = 1;
    await advance(1_500);
    await ask();
    const after = source.peek();
    expect(after?.healthEpoch).toBe(1);
    expect(after?.config).toBe(before?.config);
    expect(after?.shardMap).toBe(before?.shardMap);
  });
});
