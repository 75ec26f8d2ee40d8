// The Telemetry object in the real runtime, and the recorder that feeds it: counted once whatever is sent twice,
// bounded, there again after a restart.
import { createExecutionContext, evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { env as untypedEnv } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import type {
  CounterKey,
  KeptExplanation,
  NewEvent,
  TelemetryBatch,
  TelemetryRpc,
} from '../../durable-objects/interfaces/telemetry.ts';
import { CounterStore } from '../../durable-objects/telemetry/counter-store.ts';
import { EVENTS_MAX } from '../../durable-objects/telemetry/event-store.ts';
import { EXPLANATIONS_MAX } from '../../durable-objects/telemetry/explanation-store.ts';
import type { RequestRecord } from '../../worker/edge.ts';
import { createTelemetryRecorder } from '../../worker/telemetry-recorder.ts';

const { TELEMETRY } = untypedEnv as unknown as { TELEMETRY: DurableObjectNamespace };

/** An object that no other test knows. */
let objects = 0;
function freshTelemetry() {
  const stub = TELEMETRY.get(TELEMETRY.idFromName(`telemetry-${++objects}`));
  return { stub, telemetry: stub as unknown as TelemetryRpc };
}

const NOW_MS = 1_800_000_000_000;
const NOW_SECOND = NOW_MS / 1000;

const key = (change: Partial<CounterKey> = {}): CounterKey => ({
  route: 'main',
  pool: 'web',
  backend: 'a',
  status: '200',
  cache: 'none',
  ...change,
});

function batch(sequence: number, change: Partial<TelemetryBatch> & { count?: number } = {}): TelemetryBatch {
  const { count = 1, ...rest } = change;
  return {
    isolate: 'isolate-1',
    sequence,
    requests: [{ ...key(), second: NOW_SECOND, count, durationsMs: [10] }],
    events: [],
    ...rest,
  };
}

const event = (subject: string, detail: Record<string, unknown> = {}): NewEvent => ({
  at: NOW_MS,
  type: 'tried',
  subject,
  detail,
});

async function subjects(telemetry: TelemetryRpc, after: string | null, limit: number) {
  const page = await telemetry.events(after, limit);
  return { subjects: page.events.map(({ subject }) => subject), cursor: page.cursor };
}

describe('Telemetry', () => {
  it('counts a batch that arrives twice once, and an isolate that starts anew as its own', async () => {
    const { telemetry } = freshTelemetry();
    await telemetry.append(batch(1, { count: 5 }));
    await telemetry.append(batch(1, { count: 5 }));
    await telemetry.append(batch(2, { count: 7 }));
    await telemetry.append(batch(1, { count: 5 }));
    await telemetry.append(batch(1, { isolate: 'isolate-2', count: 11 }));
    const { totals, seconds } = await telemetry.stats(NOW_MS);
    expect(totals.requests).toBe(23);
    expect(totals.pools.web?.backends.a?.statuses).toEqual({ '200': 23 });
    expect(seconds).toMatchObject([{ second: NOW_SECOND, requests: 23, pools: { web: 23 } }]);
  });

  it('takes no part of a batch that fails', async () => {
    const { telemetry, stub } = freshTelemetry();
    const broken = batch(1, { count: 3, events: [event('good'), { ...event('bad'), at: null as never }] });
    // From inside: a failed call from outside would also count as an error that nobody caught.
    await runInDurableObject(stub, async (instance) => {
      const inside = instance as unknown as TelemetryRpc;
      await expect(inside.append(broken)).rejects.toThrow('NOT NULL');
    });
    expect((await telemetry.stats(NOW_MS)).totals.requests).toBe(0);
    await telemetry.append(batch(1, { count: 4 }));
    await evictDurableObject(stub);
    expect((await telemetry.stats(NOW_MS)).totals.requests).toBe(4);
    expect((await telemetry.events(null, 10)).events).toEqual([]);
  });

  it('shows five minutes by the second and the totals for ever', async () => {
    const { telemetry } = freshTelemetry();
    const at = (second: number, sequence: number) =>
      batch(sequence, { requests: [{ ...key(), second, count: 1, durationsMs: [1] }] });
    await telemetry.append(at(NOW_SECOND - 1_000, 1));
    await telemetry.append(at(NOW_SECOND - 299, 2));
    await telemetry.append(at(NOW_SECOND, 3));
    const secondsAt = async (nowMs: number) =>
      (await telemetry.stats(nowMs)).seconds.map(({ second }) => second - NOW_SECOND);
    expect(await secondsAt(NOW_MS)).toEqual([-299, 0]);
    expect(await secondsAt(NOW_MS + 1_000)).toEqual([0]);
    // The place of second −299 is taken by +1; what comes late for it still counts in the totals.
    await telemetry.append(at(NOW_SECOND + 1, 4));
    await telemetry.append(at(NOW_SECOND - 299, 5));
    expect(await secondsAt(NOW_MS + 1_000)).toEqual([0, 1]);
    expect((await telemetry.stats(NOW_MS)).totals.requests).toBe(5);
  });

  it('is the same after a restart', async () => {
    const { telemetry, stub } = freshTelemetry();
    await telemetry.append(batch(1, { count: 2, events: [event('one', { weight: 1 })] }));
    const before = [await telemetry.stats(NOW_MS), await telemetry.events(null, 10)];
    await evictDurableObject(stub);
    expect([await telemetry.stats(NOW_MS), await telemetry.events(null, 10)]).toEqual(before);
    await telemetry.append(batch(1, { count: 2 }));
    expect((await telemetry.stats(NOW_MS)).totals.requests).toBe(2);
  });

  it('pages through events, newest first, without a gap when new ones arrive meanwhile', async () => {
    const { telemetry } = freshTelemetry();
    await telemetry.record([event('1'), event('2'), event('3')]);
    await telemetry.record([event('4'), event('5')]);
    const first = await subjects(telemetry, null, 2);
    expect(first.subjects).toEqual(['5', '4']);
    await telemetry.record([event('6')]);
    const second = await subjects(telemetry, first.cursor, 2);
    expect(second.subjects).toEqual(['3', '2']);
    expect(await subjects(telemetry, second.cursor, 2)).toEqual({ subjects: ['1'], cursor: null });
  });

  it('keeps a bounded number of events and of bytes in each', async () => {
    const { telemetry } = freshTelemetry();
    const many = (from: number) => Array.from({ length: 1_000 }, (_, i) => event(String(from + i)));
    for (let from = 0; from < 11_000; from += 1_000) await telemetry.record(many(from));
    await telemetry.record([event('last'.repeat(1_000), { text: 'x'.repeat(100_000) })]);
    let cursor: string | null = null;
    let count = 0;
    do {
      const page: Awaited<ReturnType<TelemetryRpc['events']>> = await telemetry.events(cursor, 1_000);
      if (cursor === null) expect(JSON.stringify(page.events[0]).length).toBeLessThan(2_000);
      count += page.events.length;
      cursor = page.cursor;
    } while (cursor !== null);
    expect(count).toBeGreaterThanOrEqual(EVENTS_MAX);
    expect(count).toBeLessThanOrEqual(EVENTS_MAX + 500);
  });

  it('keeps a bounded number of series, and loses no request beyond it', async () => {
    const { telemetry, stub } = freshTelemetry();
    for (let sequence = 1; sequence <= 6; sequence++) {
      await telemetry.append(
        batch(sequence, {
          requests: Array.from({ length: 1_000 }, (_, i) => ({
            ...key({ backend: `b${sequence}-${i}` }),
            second: NOW_SECOND + sequence,
            count: 1,
            durationsMs: [],
          })),
        }),
      );
    }
    const { totals } = await telemetry.stats(NOW_MS);
    expect(totals.requests).toBe(6_000);
    expect(totals.pools['(other)']?.requests).toBe(1_000);
    await evictDurableObject(stub);
    expect((await telemetry.stats(NOW_MS)).totals).toEqual(totals);
  });

  it('forgets the isolates that it has not heard of longest', async () => {
    const { stub } = freshTelemetry();
    await runInDurableObject(stub, (_instance, state) => {
      const store = new CounterStore(state.storage.sql, NOW_MS);
      for (let i = 0; i <= 10_000; i++) store.claim(batch(1, { isolate: `isolate-${i}` }), NOW_MS + i);
      const count = () => Number(state.storage.sql.exec('SELECT count(*) AS n FROM isolates').one().n);
      expect(count()).toBe(9_000);
      expect(store.claim(batch(1, { isolate: 'isolate-10000' }), NOW_MS)).toBe(false);
      expect(store.claim(batch(1, { isolate: 'isolate-0' }), NOW_MS)).toBe(true);
    });
  });

  it('writes few rows: one a series, one a second, one for the isolate', async () => {
    const { stub } = freshTelemetry();
    await runInDurableObject(stub, (_instance, state) => {
      const { sql } = state.storage;
      const store = new CounterStore(sql, NOW_MS);
      let rowsWritten = 0;
      const counting = new Proxy(sql, {
        get: (target, name) =>
          name === 'exec'
            ? (query: string, ...bindings: unknown[]) => {
                const cursor = target.exec(query, ...bindings);
                rowsWritten += cursor.rowsWritten;
                return cursor;
              }
            : Reflect.get(target, name),
      });
      Object.assign(store, { sql: counting });
      const requests = ['a', 'b', 'c'].flatMap((backend) =>
        [0, 1].map((s) => ({ ...key({ backend }), second: NOW_SECOND + s, count: 100, durationsMs: [1] })),
      );
      store.claim(batch(1), NOW_MS);
      store.count(batch(1, { requests }));
      expect(rowsWritten).toBe(1 + 3 + 2);
    });
  });
});

describe('explanations', () => {
  const explanation = (id: string, change: Partial<KeptExplanation> = {}): KeptExplanation => ({
    id,
    source: 'token',
    route: 'main',
    text: JSON.stringify({ id }),
    ...change,
  });
  const idsOf = (texts: readonly string[]) => texts.map((text) => JSON.parse(text).id);

  it('are found by id and listed newest first, once whatever is sent twice, also after a restart', async () => {
    const { stub, telemetry } = freshTelemetry();
    const sent = batch(1, {
      explanations: [
        explanation('a'),
        explanation('b', { route: 'other' }),
        explanation('c', { route: null }),
      ],
    });
    await telemetry.append(sent);
    await telemetry.append(sent);
    await telemetry.append(batch(2));
    await evictDurableObject(stub);
    expect(await telemetry.explanation('b')).toBe('{"id":"b"}');
    expect(await telemetry.explanation('d')).toBeNull();
    expect(idsOf(await telemetry.explanations(null, 10))).toEqual(['c', 'b', 'a']);
    expect(idsOf(await telemetry.explanations(null, 2))).toEqual(['c', 'b']);
    expect(idsOf(await telemetry.explanations('other', 10))).toEqual(['b']);
  });

  it('are the last of each kind: samples push out none that were asked for', async () => {
    const { telemetry } = freshTelemetry();
    const samples = (from: number) =>
      Array.from({ length: 300 }, (_, i) => explanation(`s${from + i}`, { source: 'sample' }));
    await telemetry.append(batch(1, { explanations: [explanation('asked')] }));
    for (let i = 0; i < 4; i++) await telemetry.append(batch(2 + i, { explanations: samples(300 * i) }));
    const kept = idsOf(await telemetry.explanations(null, 10_000));
    expect(kept.at(-1)).toBe('asked');
    expect(kept[0]).toBe('s1199');
    expect(kept.length).toBeGreaterThan(EXPLANATIONS_MAX);
    expect(kept.length).toBeLessThanOrEqual(EXPLANATIONS_MAX + 50);
  });

  it('that are far too long are not kept, and the rest of the batch is', async () => {
    const { telemetry } = freshTelemetry();
    const long = explanation('long', { text: 'x'.repeat(65_537) });
    await telemetry.append(batch(1, { explanations: [long, explanation('short')] }));
    expect(idsOf(await telemetry.explanations(null, 10))).toEqual(['short']);
    expect((await telemetry.stats(NOW_MS)).totals.requests).toBe(1);
  });

  it('have a key for their tokens, made once for each state', async () => {
    const [one, other] = [freshTelemetry(), freshTelemetry()];
    const key = await one.telemetry.explainKey();
    expect(key).toMatch(/^[0-9a-f]{64}$/);
    await evictDurableObject(one.stub);
    expect(await one.telemetry.explainKey()).toBe(key);
    expect(await other.telemetry.explainKey()).not.toBe(key);
  });
});

/** A Telemetry object that notes what arrives and fails when told to, and time that passes when the test says so. */
function recorderBench() {
  const arrived: TelemetryBatch[] = [];
  const waits: { readonly until: number; readonly resolve: () => void }[] = [];
  let nowMs = NOW_MS;
  let mode: 'up' | 'slow' | 'down' | 'lost-answer' | 'silent' = 'up';
  const wait = (afterMs: number) =>
    new Promise<void>((resolve) => waits.push({ until: nowMs + afterMs, resolve }));
  const telemetry = {
    async append(sent: TelemetryBatch) {
      if (mode === 'down') throw new Error('unreachable');
      arrived.push(structuredClone(sent));
      if (mode === 'lost-answer') throw new Error('lost after execution');
      if (mode === 'slow') await wait(100);
      if (mode === 'silent') await new Promise(() => {});
    },
  } as unknown as TelemetryRpc;
  const recorder = createTelemetryRecorder({
    telemetryObject: () => telemetry,
    isolateId: 'isolate-1',
    now: () => nowMs,
    random: { next: () => 0.5 },
    wait,
  });
  let leaders = 0;
  const context = Object.assign(createExecutionContext(), {
    waitUntil: (promise: Promise<unknown>) => {
      leaders++;
      void promise;
    },
  });
  /** Lets time pass, timers in order. */
  const pass = async (ms: number) => {
    const end = nowMs + ms;
    for (;;) {
      for (let i = 0; i < 20; i++) await Promise.resolve();
      const due = waits.filter(({ until }) => until <= end).sort((a, b) => a.until - b.until)[0];
      if (!due) break;
      waits.splice(waits.indexOf(due), 1);
      nowMs = Math.max(nowMs, due.until);
      due.resolve();
    }
    nowMs = end;
  };
  return {
    recorder,
    context,
    arrived,
    pass,
    become: (next: typeof mode) => {
      mode = next;
    },
    leaders: () => leaders,
    /** As when the runtime cancels the requests that hold them. */
    loseTimers: () => {
      waits.length = 0;
    },
    request: (change: Partial<RequestRecord> = {}) =>
      recorder.request(
        {
          route: 'main',
          pool: 'web',
          backend: 'a',
          status: 200,
          cache: 'none',
          endedAt: nowMs,
          durationMs: 3,
          ...change,
        },
        context,
      ),
    /** Requests in distinct batches: what the Telemetry object would count. */
    counted: () =>
      [...new Map(arrived.map((sent) => [sent.sequence, sent])).values()]
        .flatMap((sent) => sent.requests)
        .reduce((sum, { count }) => sum + count, 0),
  };
}

describe('the recorder', () => {
  it('hands over what a second brought in one batch, by one leader', async () => {
    const bench = recorderBench();
    for (let i = 0; i < 500; i++) bench.request({ backend: i % 2 ? 'a' : 'b' });
    expect(bench.leaders()).toBe(1);
    await bench.pass(1_000);
    expect(bench.arrived).toHaveLength(1);
    expect(bench.arrived[0]?.requests.map(({ backend, count }) => [backend, count])).toEqual([
      ['b', 250],
      ['a', 250],
    ]);
    expect(bench.arrived[0]?.requests[0]?.durationsMs).toHaveLength(32);
  });

  it('hands over at most 200 explanations that were asked for and ten samples in a batch', async () => {
    const bench = recorderBench();
    const explain = (source: KeptExplanation['source']) =>
      bench.recorder.explanation({ id: 'i', source, route: null, text: '{}' }, bench.context);
    const sent = () =>
      (['token', 'sample'] as const).map(
        (source) => bench.arrived.at(-1)?.explanations?.filter((kept) => kept.source === source).length,
      );
    for (let i = 0; i < 300; i++) for (const source of ['token', 'sample'] as const) explain(source);
    expect([bench.recorder.hasRoomToExplain('token'), bench.recorder.hasRoomToExplain('sample')]).toEqual([
      false,
      false,
    ]);
    await bench.pass(1_000);
    expect(sent()).toEqual([200, 10]);
    expect(bench.recorder.hasRoomToExplain('sample')).toBe(true);
    explain('sample');
    await bench.pass(1_000);
    expect(sent()).toEqual([0, 1]);
    bench.request();
    await bench.pass(1_000);
    expect(bench.arrived.at(-1)).not.toHaveProperty('explanations');
  });

  it('leaves nothing behind while traffic goes on', async () => {
    const bench = recorderBench();
    for (let i = 0; i < 100; i++) {
      bench.request();
      await bench.pass(37);
    }
    await bench.pass(2_000);
    expect(bench.counted()).toBe(100);
    // 3.7 s of traffic: a leader a second, and one for the end.
    expect(bench.arrived.length).toBeLessThanOrEqual(5);
  });

  it('does not hand over at once what was counted during a hand-over', async () => {
    const bench = recorderBench();
    bench.become('slow');
    for (let i = 0; i < 100; i++) {
      bench.request();
      await bench.pass(50);
    }
    await bench.pass(2_000);
    expect(bench.counted()).toBe(100);
    // 5 s of traffic: a leader a second, and one for the end.
    expect(bench.arrived.length).toBeLessThanOrEqual(6);
  });

  it('sends the same batch again until it is acknowledged, so nothing counts twice', async () => {
    const bench = recorderBench();
    bench.become('lost-answer');
    bench.request();
    await bench.pass(1_300);
    bench.request();
    await bench.pass(100);
    expect(bench.arrived.length).toBeGreaterThan(1);
    expect(new Set(bench.arrived.map(({ sequence }) => sequence))).toEqual(new Set([1]));
    bench.become('up');
    await bench.pass(4_000);
    expect(bench.counted()).toBe(2);
    expect(bench.arrived.at(-1)?.sequence).toBe(2);
  });

  it('goes on with the next request when the object was down for long', async () => {
    const bench = recorderBench();
    bench.become('down');
    bench.request();
    await bench.pass(60_000);
    expect(bench.arrived).toEqual([]);
    bench.become('up');
    bench.request();
    await bench.pass(1_500);
    expect(bench.counted()).toBe(2);
  });

  it('survives a leader that is cancelled: its flag expires', async () => {
    const bench = recorderBench();
    bench.request();
    bench.loseTimers();
    await bench.pass(1_999);
    bench.request();
    expect(bench.leaders()).toBe(1);
    await bench.pass(1);
    bench.request();
    expect(bench.leaders()).toBe(2);
    await bench.pass(1_000);
    expect(bench.counted()).toBe(3);
  });

  it('does not wait for ever for an object that does not answer', async () => {
    const bench = recorderBench();
    bench.become('silent');
    bench.request();
    await bench.pass(7_000);
    expect(bench.arrived.length).toBeGreaterThan(1);
    bench.become('up');
    await bench.pass(20_000);
    bench.request();
    await bench.pass(2_000);
    expect(bench.counted()).toBe(2);
  });

  it('is bounded in counters and events, and says what it dropped', async () => {
    const bench = recorderBench();
    bench.become('down');
    for (let i = 0; i < 5_000; i++) bench.request({ backend: `b${i}` });
    for (let i = 0; i < 1_500; i++) bench.recorder.event(event(String(i)), bench.context);
    await bench.pass(10_000);
    bench.become('up');
    bench.request();
    await bench.pass(3_000);
    const [first] = bench.arrived;
    expect(first?.requests.length).toBe(2_001);
    expect(first?.events.at(-1)).toMatchObject({ type: 'events-dropped', detail: { count: 500 } });
    expect(bench.counted()).toBe(5_001);
  });
});

describe('requests counted by an isolate', () => {
  it('are counted by kind and second, in whatever order they come', async () => {
    const batches: TelemetryBatch[] = [];
    const background: Promise<unknown>[] = [];
    const recorder = createTelemetryRecorder({
      telemetryObject: () => ({ append: async (sent: TelemetryBatch) => batches.push(sent) }) as never,
      isolateId: 'isolate',
      now: () => 1_000,
      random: { next: () => 0.5 },
      wait: () => Promise.resolve(),
    });
    const context = { waitUntil: (work: Promise<unknown>) => background.push(work) } as never;
    const kinds = [
      {},
      { cache: 'hit' },
      { status: 404 },
      { route: 'other' },
      { pool: 'q' },
      { backend: 'b' },
      { endedAt: 2_000 },
    ];
    for (const [i, j] of [0, 1, 1, 2, 3, 3, 3, 4, 5, 6, 0, 0].entries()) {
      const plain = { route: 'r', pool: 'p', backend: 'a', status: 200, cache: 'none', endedAt: 1_000 };
      recorder.request({ ...plain, ...kinds[j], durationMs: i }, context);
    }
    await Promise.all(background);
    const counted = batches.flatMap(({ requests }) => requests);
    expect(counted.map(({ durationsMs }) => durationsMs)).toEqual([
      [0, 10, 11],
      [1, 2],
      [3],
      [4, 5, 6],
      [7],
      [8],
      [9],
    ]);
    expect(counted.map(({ count }) => count)).toEqual([3, 2, 1, 3, 1, 1, 1]);
  });
});
