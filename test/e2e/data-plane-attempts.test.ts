// One request's attempts on the wire: what the client sees, and in the origins' ledgers what it cost.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ConfigDocument } from '../../core/config/schema.ts';
import {
  comeBackLater,
  failFast,
  resetBeforeHead,
  resetMidBody,
  silent,
  silentAfterHead,
} from '../../origin-mock/recipes.ts';
import type { RunningOrigin } from '../../origin-mock/start-origin.ts';
import { type Product, startProduct } from '../support/product.ts';
import { waitUntil } from '../support/wait-until.ts';
import { type Ask, askEdge, problemOf } from './ask-edge.ts';

let product: Product;

beforeAll(async () => {
  product = await startProduct({ mocks: 3, config: configFor });
});
afterAll(() => product?.stop());
beforeEach(() => {
  for (const origin of product.origins) origin.reset();
});

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
    eager: { ...all, timeouts: { attemptMs: 250 }, retry: { attemptsMax: 3, on: [...on] } },
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
  };
  return {
    pools,
    routes: Object.keys(pools).map((name) => ({
      id: name,
      match: { hosts: [`${name}.test`] },
      pool: name,
      cache: { enabled: name === 'cached' },
      response: { exposeBackend: true },
    })),
    shards: { count: 1, replicas: 1 },
  };
}

const ask = (pool: string, what?: Ask) => askEdge(product.url, `${pool}.test`, what);

function origin(name: Name): RunningOrigin {
  const found = product.origins[NAMES.indexOf(name)];
  if (!found) throw new Error(`There is no origin ${name}`);
  return found;
}

/** How many requests each origin got. */
const asked = () => NAMES.map((name) => origin(name).ledger.entries().length);

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
      const [seen] = origin('b').ledger.entries().slice(-1);
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
    expect(await seconds(problemOf(ask('short')))).toBeLessThan(1);
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
    origin('a').script(silentAfterHead());
    expect(await seconds(expect(ask('patient')).rejects.toThrow())).toBeLessThan(5);
  });

  it('for a head is the least of its limits', async () => {
    origin('a').script(silent());
    expect(await problemOf(ask('patient'))).toMatchObject({ status: 504, code: 'origin-timeout' });
  });

  it.each([2_000, 200_000])('without a byte ends a body of %i bytes', async (bodyBytes) => {
    origin('a').script({ on: '*', bodyBytes, fault: 'stall-mid-body' });
    expect(await seconds(expect(ask('lively')).rejects.toThrow())).toBeLessThan(5);
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

describe('explain', () => {
  it('tells what may follow the first attempt', async () => {
    const plan = async (pool: string, json: object = {}) => {
      const url = `http://${pool}.test/`;
      const answer = await product.admin('/v1/explain', { method: 'POST', json: { url, ...json } });
      return ((await answer.json()) as { attempts: unknown }).attempts;
    };
    expect(await plan('eager')).toEqual({
      attemptsMax: 3,
      notRepeatable: null,
      on: ['connect-failure', 'gateway-error', 'timeout'],
      pausesMaxMs: [25, 50],
      budgetLeft: expect.any(Number),
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
