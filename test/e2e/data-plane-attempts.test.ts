// One request's attempts on the wire: what the client sees, and in the origins' ledgers what it cost.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startLoop } from '../../bench/open-loop.ts';
import type { ConfigDocument } from '../../core/config/schema.ts';
import {
  comeBackLater,
  failFast,
  flapping,
  resetBeforeHead,
  resetMidBody,
  silent,
  silentAfterHead,
  slow,
} from '../../origin-mock/recipes.ts';
import type { ScriptInput } from '../../origin-mock/script.ts';
import type { RunningOrigin } from '../../origin-mock/start-origin.ts';
import { type Product, startProduct } from '../support/product.ts';
import { openRaw } from '../support/raw-http.ts';
import { waitUntil } from '../support/wait-until.ts';
import { type Ask, askEdge, problemOf } from './ask-edge.ts';

let product: Product;

beforeAll(async () => {
  product = await startProduct({ mocks: 5, config: configFor });
});
afterAll(() => product?.stop());
beforeEach(() => {
  for (const origin of product.origins) origin.reset();
});

const BUDGET_RATIO = 0.5;
const NAMES = ['a', 'b', 'c'] as const;
type Name = (typeof NAMES)[number];
type Pools = NonNullable<ConfigDocument['pools']>;

function configFor(origins: readonly RunningOrigin[]): ConfigDocument {
  const backend = (name: Name) => ({ id: name, url: origins[NAMES.indexOf(name)]?.url ?? '' });
  // In order, so that the test knows who is asked first; nobody is ejected, so that every test meets who it means.
  const base = {
    backends: [backend('a'), backend('b')],
    strategy: { type: 'first-available' as const },
    outlier: { maxEjectedRatio: 0 },
    retryBudget: { min: 1_000 },
  };
  const all = { ...base, backends: [backend('a'), backend('b'), backend('c')] };
  const on = ['connect-failure', 'gateway-error', 'timeout'] as const;
  const pools: Pools = {
    default: base,
    eager: { ...all, timeouts: { attemptMs: 500, firstByteMs: 500 }, retry: { attemptsMax: 3, on: [...on] } },
    listed: { ...base, retry: { statuses: [429], on: [] } },
    small: { ...base, retry: { bodyBytesMax: 10 } },
    once: { ...base, retry: { attemptsMax: 1, on: [...on] } },
    single: { ...base, backends: [backend('a')], retry: { attemptsMax: 3 } },
    later: { ...base, retry: { on: [...on], retryAfterMaxMs: 1_000 } },
    short: {
      ...base,
      timeouts: { totalMs: 400, attemptMs: 300 },
      retry: { attemptsMax: 10, on: [...on], backoffMs: 100, backoffMaxMs: 100 },
    },
    frugal: { ...base, retry: { attemptsMax: 2 }, retryBudget: { ratio: 0.2, min: 3 } },
    patient: { ...base, timeouts: { firstByteMs: 300 } },
    lively: { ...base, timeouts: { idleMs: 300 } },
    breaking: { ...base, outlier: { consecutiveLocalErrors: 3, maxEjectedRatio: 0.5 } },
    cached: { ...base, retry: { on: ['gateway-error'] } },
    hedged: { ...all, hedge: { enabled: true, afterMs: 100 }, retry: { attemptsMax: 3, on: [...on] } },
    calm: { ...all, hedge: { enabled: true, afterMs: 5_000 } },
    learning: { ...base, hedge: { enabled: true } },
    thrifty: { ...base, hedge: { enabled: true, afterMs: 50 }, retryBudget: { ratio: 0, min: 2 } },
    queued: {
      ...base,
      backends: [{ ...backend('a'), maxInFlight: 2 }],
      queue: { max: 4, timeoutMs: 20_000 },
      retry: { attemptsMax: 1 },
    },
    full: { ...base, backends: [{ ...backend('a'), maxInFlight: 1 }], queue: { max: 1, timeoutMs: 200 } },
    capped: { ...base, backends: [{ ...backend('a'), maxInFlight: 1 }] },
    // Everything has time: a machine that stands still for a moment is no fault that it is to meet.
    storm: {
      backends: origins.map(({ url }, i) => ({ id: `s${i}`, url })),
      health: { path: '/up', intervalMs: 1_000, timeoutMs: 1_000, rise: 1, fall: 1, fastIntervalMs: 100 },
      timeouts: { attemptMs: 3_000 },
      retry: { attemptsMax: 4, on: [...on] },
      retryBudget: { ratio: BUDGET_RATIO },
      hedge: { enabled: true, afterMs: 250 },
      outlier: { baseEjectionMs: 500, maxEjectionMs: 500 },
    },
    shut: { ...base, retry: { attemptsMax: 1 }, circuitBreaker: { enabled: true, minRequests: 4 } },
    broken: {
      ...base,
      retry: { attemptsMax: 1 },
      circuitBreaker: { enabled: true, minRequests: 4, openMs: 1_500, halfOpenMax: 1 },
    },
  };
  return {
    pools,
    routes: [
      { id: 'under-load', match: { paths: ['/storm/*'] }, pool: 'storm' },
      ...Object.keys(pools).map((name) => ({
        id: name,
        match: { hosts: [`${name}.test`] },
        pool: name,
        cache: { enabled: name === 'cached' },
        response: { exposeBackend: true },
      })),
    ],
    shards: { count: 1, replicas: 1 },
  };
}

const ask = (pool: string, what?: Ask) => askEdge(product.url, `${pool}.test`, what);

function origin(name: Name): RunningOrigin {
  const found = product.origins[NAMES.indexOf(name)];
  if (!found) throw new Error(`There is no origin ${name}`);
  return found;
}

/** What an origin got, probes apart. */
const entries = (name: Name, on = '*') =>
  origin(name)
    .ledger.entries({ on })
    .filter(({ target }) => target !== '/up');

/** How many requests each of the first three got. */
const asked = () => NAMES.map((name) => entries(name).length);

/** Seconds: far more than what is configured takes, far less than what is there by default. */
const IN_TIME = 20;

async function seconds(work: Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work;
  return (performance.now() - startedAt) / 1_000;
}

describe('a request is tried again', () => {
  it.each([
    ['a connection that fails', resetBeforeHead()],
    ['503', failFast()],
    ['502', failFast('*', 502)],
    ['silence', silent()],
    ['silence after the head', silentAfterHead()],
    ['a body that breaks off before its first byte', { ...resetMidBody(1_000), faultAfterBytes: 0 }],
  ])('after %s, at a backend that it has not met', async (_what, fault) => {
    origin('a').script(fault);
    origin('b').script(fault);
    const { status, headers } = await ask('eager');
    expect([status, headers['roundel-backend']]).toEqual([200, 'eager/c']);
    expect(asked()).toEqual([1, 1, 1]);
  });

  it('after a status that is listed, and after no other', async () => {
    origin('a').script({ on: '/429', answer: '429' }, failFast('/503'));
    expect((await ask('listed', { path: '/429' })).status).toBe(200);
    expect((await ask('listed', { path: '/503' })).status).toBe(503);
    expect(asked()).toEqual([2, 1, 0]);
  });

  it('at the same backend only where no other is left', async () => {
    origin('a').script({ ...resetBeforeHead(), times: 2 });
    expect((await ask('single')).status).toBe(200);
    expect(asked()).toEqual([3, 0, 0]);
  });

  it('as often as is configured, and then has the last failure passed on', async () => {
    for (const name of NAMES) origin(name).script({ on: '*', answer: `503\nX-From: ${name}\n\nno` });
    const { status, headers, body } = await ask('eager');
    expect([status, headers['x-from'], body.toString()]).toEqual([503, 'c', 'no']);
    expect(asked()).toEqual([1, 1, 1]);
  });

  it('with the same body, byte for byte', async () => {
    origin('a').script(resetBeforeHead());
    const body = 'x'.repeat(60_000);
    for (const [method, headers] of [
      ['PUT', {}],
      ['POST', { 'idempotency-key': '"1"' }],
    ] as const) {
      expect((await ask('default', { method, headers, body })).status).toBe(200);
      const [seen] = entries('b').slice(-1);
      expect([seen?.method, seen?.bodyBytes]).toEqual([method, 60_000]);
      expect(seen?.body).toBe(body);
    }
    expect(asked()).toEqual([2, 2, 0]);
  });

  it('after the time that the origin asked for', async () => {
    origin('a').script(comeBackLater(1));
    expect(await seconds(ask('later'))).toBeGreaterThan(0.95);
    expect(asked()).toEqual([1, 1, 0]);
  });
});

describe('a request is not tried again', () => {
  it('after an error of the origin, as long as nobody asks for that', async () => {
    origin('a').script(comeBackLater(7));
    const { status, headers } = await ask('default');
    expect([status, headers['retry-after'], headers['roundel-backend']]).toEqual([503, '7', 'default/a']);
    expect(asked()).toEqual([1, 0, 0]);
  });

  it.each<[string, string, Ask]>([
    ['that may change something', 'default', { method: 'POST', body: 'x' }],
    ['whose body is too large', 'small', { method: 'PUT', body: '12345678901' }],
    ['whose body has no length', 'small', { method: 'PUT', body: ['1', '2'] }],
    ['where one attempt is all', 'once', {}],
  ])('%s', async (_what, pool, what) => {
    origin('a').script(resetBeforeHead());
    expect(await problemOf(ask(pool, what))).toMatchObject({ status: 502, code: 'origin-unreachable' });
    expect(asked()).toEqual([1, 0, 0]);
  });

  it('when the origin wants to be left alone for longer than it may wait', async () => {
    origin('a').script(comeBackLater(2));
    const { status, headers, body } = await ask('later');
    expect([status, headers['retry-after'], body.toString()]).toEqual([503, '2', 'scripted\n']);
    expect(asked()).toEqual([1, 0, 0]);
  });

  it('beyond its time', async () => {
    for (const name of ['a', 'b'] as const) origin(name).script(silent());
    expect(await seconds(problemOf(ask('short')))).toBeLessThan(IN_TIME);
    expect(asked()[0]).toBe(1);
  });

  it('once others have used up what all may cost together', async () => {
    for (const name of ['a', 'b'] as const) origin(name).script(resetBeforeHead());
    for (let i = 0; i < 40; i++) {
      expect(await problemOf(ask('frugal'))).toMatchObject({ code: 'origin-unreachable' });
    }
    const attempts = asked().reduce((sum, count) => sum + count);
    expect(attempts).toBeGreaterThan(42);
    expect(attempts).toBeLessThanOrEqual(40 + 0.2 * 40);
  });
});

describe('time', () => {
  it('for the first byte of a body ends with the response aborted', async () => {
    origin('a').script({ ...silentAfterHead(), bodyBytes: 200_000 });
    expect(await seconds(expect(ask('patient')).rejects.toThrow())).toBeLessThan(IN_TIME);
  });

  it('for the first byte of a short body ends before anything goes to the client', async () => {
    origin('a').script(silentAfterHead());
    expect(await problemOf(ask('patient'))).toMatchObject({ status: 504, code: 'origin-timeout' });
    origin('a').reset();
    origin('a').script({ ...resetMidBody(1_000), faultAfterBytes: 0 });
    expect(await problemOf(ask('once'))).toMatchObject({ status: 502, code: 'origin-unreachable' });
  });

  it('for a head is the least of its limits', async () => {
    origin('a').script(silent());
    expect(await problemOf(ask('patient'))).toMatchObject({ status: 504, code: 'origin-timeout' });
  });

  it.each([2_000, 200_000])('without a byte ends a body of %i bytes', async (bodyBytes) => {
    origin('a').script({ on: '*', bodyBytes, fault: 'stall-mid-body' });
    expect(await seconds(expect(ask('lively')).rejects.toThrow())).toBeLessThan(IN_TIME);
  });

  it('does not end a body that goes on, however slowly', async () => {
    origin('a').script({ on: '*', bodyBytes: 8, chunkBytes: 1, chunkIntervalMs: 100 });
    expect((await ask('lively')).body).toHaveLength(8);
  });
});

describe('a body that breaks off', () => {
  let pools = 0;

  it.each([
    ['reset', resetMidBody(200_000, '/broken')],
    ['ended too early', { on: '/broken', fault: 'short-body', bodyBytes: 200_000 } as const],
    [
      'ended too early, chunked',
      { on: '/broken', fault: 'short-body', bodyBytes: 200_000, framing: 'chunked' } as const,
    ],
  ])('counts against its backend (%s)', async (_what, fault) => {
    // A new pool, so that the count begins at none.
    const name = `breaking-${++pools}`;
    const { config } = (await (await product.admin('/v1/config')).json()) as { config: ConfigDocument };
    const { breaking = {} } = config.pools ?? {};
    await product.configure({
      ...config,
      pools: { ...config.pools, [name]: breaking },
      routes: [{ id: name, match: { hosts: [`${name}.test`] }, pool: name }, ...(config.routes ?? [])],
    });
    origin('a').script(fault);
    for (let i = 0; i < 3; i++) await expect(ask(name, { path: '/broken' })).rejects.toThrow();
    await waitUntil(
      async () => {
        await ask(name, { path: '/well' });
        return (asked()[1] ?? 0) > 0;
      },
      { what: 'the backend to be left alone' },
    );
  });
});

describe('a hedge', () => {
  it('is sent to the next backend when the first is late, and the first to answer wins', async () => {
    origin('a').script(slow(20_000));
    expect((await ask('hedged')).headers['roundel-backend']).toBe('hedged/b');
    expect(asked()).toEqual([1, 1, 0]);
    // Who lost is told so, and the connection is given up.
    await waitUntil(() => entries('a').every(({ outcome }) => outcome === 'client-left'));
  });

  it('is not sent while answers are in time, nor where a request may not be repeated', async () => {
    origin('a').script(slow(300, '/post'));
    for (let i = 0; i < 5; i++) expect((await ask('calm')).status).toBe(200);
    expect((await ask('hedged', { path: '/post', method: 'POST', body: 'x' })).status).toBe(200);
    expect(asked()).toEqual([6, 0, 0]);
  });

  it('that fails does not end the wait for the first', async () => {
    origin('a').script(slow(400));
    origin('b').script(failFast());
    const { status, headers } = await ask('hedged');
    expect([status, headers['roundel-backend']]).toEqual([200, 'hedged/a']);
    expect(asked()).toEqual([1, 1, 0]);
  });

  it('counts as one of the attempts, and others follow when all fail', async () => {
    origin('a').script({ on: '*', latency: { type: 'fixed', ms: 200 }, answer: '503' });
    origin('b').script(failFast());
    expect((await ask('hedged')).headers['roundel-backend']).toBe('hedged/c');
    for (const name of NAMES) origin(name).script(failFast());
    origin('c').reset();
    expect(asked()).toEqual([1, 1, 0]);
  });

  it('sends a body again', async () => {
    origin('a').script(slow(2_000));
    const body = 'y'.repeat(30_000);
    expect((await ask('hedged', { method: 'PUT', body })).status).toBe(200);
    expect(entries('b')[0]?.body).toBe(body);
  });

  it('comes after what most answers take, once that is known', async () => {
    for (const name of ['a', 'b'] as const) origin(name).script(slow(20, '/normal'));
    for (let i = 0; i < 40; i++) await ask('learning', { path: '/normal' });
    const before = asked();
    origin('a').script(slow(25_000, '/late'));
    expect(await seconds(ask('learning', { path: '/late' }))).toBeLessThan(IN_TIME);
    expect(asked()[1]).toBe((before[1] ?? 0) + 1);
  });

  it('is not sent once others have used up what all may cost together', async () => {
    origin('a').script(slow(150));
    for (let i = 0; i < 6; i++) expect((await ask('thrifty')).status).toBe(200);
    expect(asked()).toEqual([6, 2, 0]);
  });
});

describe('a full pool', () => {
  it('has requests wait for a place, in the order in which they came', async () => {
    origin('a').script(slow(150));
    const served: number[] = [];
    const asks: Promise<unknown>[] = [];
    for (let n = 0; n < 6; n++) {
      asks.push(ask('queued', { path: `/${n}` }).then(({ status }) => status === 200 && served.push(n)));
      // Those that get a place at once are seen at the origin; the others must be in the line before the next comes.
      if (n < 2) await waitUntil(() => origin('a').ledger.entries({ on: `/${n}` }).length === 1);
      else await product.admin('/v1/config');
    }
    await Promise.all(asks);
    expect(served.length).toBe(6);
    const targets = entries('a').map(({ target }) => target);
    expect(targets).toEqual(['/0', '/1', '/2', '/3', '/4', '/5']);
  });

  it('never has more in flight than it may', async () => {
    origin('a').script(slow(60));
    await Promise.all(Array.from({ length: 6 }, () => ask('queued')));
    const times = entries('a').map(({ at }) => at);
    // The third begins when one of the first two has ended.
    expect((times[2] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(50);
    expect((times[4] ?? 0) - (times[2] ?? 0)).toBeGreaterThan(50);
  });

  it('refuses who finds the queue full, and who has waited too long', async () => {
    origin('a').script(silent('/holds'), slow(0));
    const holder = askEdge(product.url, 'full.test', { path: '/holds' }).catch(() => {});
    await waitUntil(() => entries('a').length === 1);
    const refusals = await Promise.all([problemOf(ask('full')), problemOf(ask('full'))]);
    expect(refusals).toEqual([
      { status: 503, code: 'overloaded', retryAfter: '1' },
      { status: 503, code: 'overloaded', retryAfter: '1' },
    ]);
    expect(asked()[0]).toBe(1);
    origin('a').reset();
    await product.configure(
      ((await (await product.admin('/v1/config')).json()) as { config: ConfigDocument }).config,
    );
    void holder;
  });

  it('without a queue has no backend', async () => {
    origin('a').script(slow(1_000));
    const first = ask('capped');
    await waitUntil(() => asked()[0] === 1);
    expect(await problemOf(ask('capped'))).toEqual({ status: 503, code: 'no-backend', retryAfter: '1' });
    expect((await first).status).toBe(200);
  });

  it('is not kept full by clients that have left the queue', async () => {
    origin('a').script(slow(200, '/slow'));
    const holders = [ask('queued', { path: '/slow' }), ask('queued', { path: '/slow' })];
    await waitUntil(() => asked()[0] === 2);
    for (let i = 0; i < 3; i++) {
      const client = await openRaw(product.url);
      client.send('GET /left HTTP/1.1\r\nHost: queued.test\r\n\r\n');
      client.destroy();
    }
    expect((await ask('queued', { path: '/stays' })).status).toBe(200);
    await Promise.all(holders);
  });
});

describe('a circuit', () => {
  const events = async (type: string) => {
    const { events: told } = (await (await product.admin('/v1/events')).json()) as {
      events: { type: string; subject: string }[];
    };
    return told.filter((event) => event.type === type).map(({ subject }) => subject);
  };

  it('opens for a backend that fails, lets a trial pass in time, and closes', async () => {
    origin('a').script(failFast());
    for (let i = 0; i < 4; i++) expect((await ask('broken')).status).toBe(503);
    expect((await ask('broken')).headers['roundel-backend']).toBe('broken/b');
    const url = 'http://broken.test/';
    const explained = await product.admin('/v1/explain', { method: 'POST', json: { url } });
    const { candidates } = (await explained.json()) as { candidates: { backend: string; reason: string }[] };
    expect(candidates.find(({ backend }) => backend === 'a')?.reason).toBe('circuit-open');
    expect(asked()).toEqual([4, 1, 0]);
    origin('a').reset();
    await waitUntil(async () => (await ask('broken')).headers['roundel-backend'] === 'broken/a', {
      what: 'the circuit to close',
    });
    await waitUntil(async () => {
      const told = await Promise.all(['circuit-opened', 'circuit-half-open', 'circuit-closed'].map(events));
      return told.every((subjects) => subjects.includes('broken/a'));
    });
  });

  it('leaves nobody to try when all are open, and says when to come again', async () => {
    for (const name of ['a', 'b'] as const) origin(name).script(resetBeforeHead());
    await waitUntil(async () => (await problemOf(ask('shut'))).code === 'no-backend');
    expect(asked()).toEqual([4, 4, 0]);
    const { status, code, retryAfter } = await problemOf(ask('shut'));
    expect([status, code]).toEqual([503, 'no-backend']);
    expect(Number(retryAfter)).toBeGreaterThanOrEqual(2);
    expect(Number(retryAfter)).toBeLessThanOrEqual(5);
    expect(asked()).toEqual([4, 4, 0]);
  });
});

describe('under load', () => {
  const [PER_SECOND, WELL_MS, FAULTY_MS] = [60, 700, 1_500];

  /** Waits until everybody is well, then lets the faults begin in the middle of the load. */
  async function weather(faults: readonly (readonly [backend: number, fault: ScriptInput])[]) {
    await waitUntil(async () => {
      const answer = await product.admin('/v1/explain', {
        method: 'POST',
        json: { url: 'http://storm.test/' },
      });
      const { candidates } = (await answer.json()) as { candidates: { reason: string }[] };
      return candidates.length === 5 && candidates.every(({ reason }) => reason === 'healthy');
    });
    const loop = startLoop({ url: product.url, perSecond: PER_SECOND, path: (n) => `/storm/${n}` });
    await loop.started;
    const begunAt = performance.now();
    await waitUntil(() => performance.now() - begunAt > WELL_MS);
    for (const [backend, fault] of faults) product.origins[backend]?.script(fault);
    await waitUntil(() => performance.now() - begunAt > WELL_MS + FAULTY_MS);
    const { requests } = await loop.stop();
    const attempts = product.origins.flatMap(({ ledger }) => ledger.entries({ on: '/storm/*' }));
    return { requests, attempts };
  }

  it.each<[string, readonly (readonly [number, ScriptInput])[]]>([
    ['dead', [[0, resetBeforeHead()]]],
    ['silent', [[0, silent()]]],
    ['20 times slower', [[0, slow(400)]]],
    ['failing fast', [[0, failFast()]]],
    ['flapping', [[0, flapping(150, 150)]]],
    ['asking to be left alone', [[0, comeBackLater(60, '/storm/*')]]],
    [
      'each of these, all at once',
      [
        [0, resetBeforeHead()],
        [1, slow(400)],
        [2, flapping(150, 150)],
        [3, failFast()],
      ],
    ],
  ])('a backend that is %s is noticed by nobody, and costs no more than the budget', async (what, faults) => {
    const { requests, attempts } = await weather(faults);
    const failed = requests.filter(({ status }) => status !== 200);
    // Who is asked for patience for longer than that may be waited for has the answer passed on: until it is ejected.
    if (what !== 'asking to be left alone') expect(failed).toEqual([]);
    else expect(failed.length).toBeLessThan(requests.length / 10);
    expect(requests.length).toBeGreaterThan((0.9 * (PER_SECOND * (WELL_MS + FAULTY_MS))) / 1_000);
    expect(attempts.length - requests.length).toBeLessThanOrEqual(
      Math.max(BUDGET_RATIO * requests.length, 3),
    );
  });
});

describe('explain', () => {
  it('tells what may follow the first attempt', async () => {
    const plan = async (pool: string, json: object = {}) => {
      const url = `http://${pool}.test/`;
      const answer = await product.admin('/v1/explain', { method: 'POST', json: { url, ...json } });
      return ((await answer.json()) as { plan: unknown }).plan;
    };
    const planned = (await plan('eager')) as { backends: string[] };
    expect(planned).toEqual({
      attemptsMax: 3,
      notRepeatable: null,
      on: ['connect-failure', 'gateway-error', 'timeout'],
      pausesMaxMs: [25, 50],
      hedgeAfterMs: null,
      budgetLeft: expect.any(Number),
      backends: expect.arrayContaining([expect.any(String)]),
    });
    expect(await plan('eager', { method: 'POST' })).toMatchObject({
      attemptsMax: 1,
      notRepeatable: 'not-idempotent',
    });
    expect(await plan('small', { method: 'PUT', headers: { 'Content-Length': '11' } })).toMatchObject({
      notRepeatable: 'body-too-large',
    });
  });
});

describe('what is stored', () => {
  it('answers only once no backend does', async () => {
    const path = '/stale';
    for (const name of ['a', 'b'] as const) {
      origin(name).script({
        on: path,
        answer: `200\nCache-Control: max-age=0, stale-if-error=60\nETag: "${name}"\n\n${name}`,
      });
    }
    expect((await ask('cached', { path })).body.toString()).toBe('a');
    const entry = () => ask('cached', { path });
    await waitUntil(async () => (await entry()).headers['cache-status']?.includes('fwd=stale'));
    for (const name of NAMES) origin(name).reset();
    origin('a').script(failFast(path));
    origin('b').script({ on: path, answer: '200\nCache-Control: no-store\n\nnew' });
    expect((await entry()).body.toString()).toBe('new');
    expect(asked()).toEqual([1, 1, 0]);
    origin('b').reset();
    origin('b').script(failFast(path));
    const { status, headers, body } = await entry();
    expect([status, body.toString()]).toEqual([200, 'a']);
    expect(headers['cache-status']).toContain('detail=stale-if-error');
    expect(asked()).toEqual([2, 1, 0]);
  });
});
