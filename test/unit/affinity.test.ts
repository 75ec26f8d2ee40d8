// Affinity cookies: what they say, who can make them, and when a client gets another one.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../core/config/parse-config.ts';
import { fieldValue } from '../../core/http/fields.ts';
import { withoutCookies } from '../../core/http/named-values.ts';
import { type AffinityRules, isCookieDue, isCurrent } from '../../core/load-balancing/affinity.ts';
import { seededRandom } from '../../core/random.ts';
import { createAffinitySigner } from '../../worker/data-plane/affinity-signer.ts';
import { affinityCookie, clientAffinity } from '../../worker/data-plane/client-affinity.ts';
import { createPoolRegistry } from '../../worker/data-plane/pool-registry.ts';

function signerOf(secret: string) {
  const signer = createAffinitySigner(secret);
  if (!signer) throw new Error('There is no secret');
  return signer;
}
const signer = signerOf('secret');

describe('the value of an affinity cookie', () => {
  const claim = fc.record({
    backend: fc.stringMatching(/^[A-Za-z0-9._-]{1,64}$/),
    expirySeconds: fc.integer({ min: 1, max: 4_000_000_000 }),
    epoch: fc.maxSafeNat(),
  });
  const sealed = async (
    { backend, expirySeconds, epoch }: { backend: string; expirySeconds: number; epoch: number },
    pool = 'web',
  ) => {
    const alias = await signer.alias(pool, backend);
    const said = { alias, expiresAt: expirySeconds * 1_000, epoch };
    return { said, value: await signer.seal(pool, said) };
  };

  it('comes back as it was sealed, and is a cookie value that holds no name', async () => {
    await fc.assert(
      fc.asyncProperty(claim, async (given) => {
        const { said, value } = await sealed(given);
        expect(value).toMatch(/^[\w.-]{60,96}$/);
        if (given.backend.length > 3) expect(value).not.toContain(given.backend);
        expect(await signerOf('secret').open('web', value)).toEqual(said);
      }),
      { seed: 21, numRuns: 100 },
    );
  });

  it('is worth nothing after any change, in another pool and under another secret', async () => {
    const { value } = await sealed({ backend: 'a', expirySeconds: 1_800_000_000, epoch: 3 });
    expect(await signerOf('secret').open('api', value)).toBeNull();
    expect(await signerOf('other').open('web', value)).toBeNull();
    for (let i = 0; i < value.length; i++) {
      const changed = value.slice(0, i) + (value[i] === '0' ? '1' : '0') + value.slice(i + 1);
      expect(await signerOf('secret').open('web', changed), changed).toBeNull();
      expect(await signerOf('secret').open('web', value.slice(0, i))).toBeNull();
    }
    expect(await signerOf('secret').open('web', `${value}0`)).toBeNull();
  });

  it('names a backend by an alias that differs from pool to pool', async () => {
    expect(await signer.alias('web', 'a')).toBe(await signer.alias('web', 'a'));
    expect(await signer.alias('web', 'a')).not.toBe(await signer.alias('api', 'a'));
    expect(await signer.alias('web', 'a')).not.toBe(await signer.alias('web', 'b'));
  });
});

const RULES: AffinityRules = { ttlSeconds: 100, onUnavailable: 'temporary', epoch: 1 };

it('a claim counts until it expires, and only in its epoch', () => {
  const claim = { alias: '', expiresAt: 1_000, epoch: 1 };
  expect(isCurrent(claim, RULES, 999)).toBe(true);
  expect(isCurrent(claim, RULES, 1_000)).toBe(false);
  for (const epoch of [0, 2]) expect(isCurrent({ ...claim, epoch }, RULES, 0)).toBe(false);
});

describe('a new cookie', () => {
  type Backend = Parameters<typeof isCookieDue>[2][number];
  const other: Backend = { state: 'active', weight: 1 };
  it.each<
    [string, boolean, Partial<Backend> & Partial<AffinityRules> & { served?: number; leftMs?: number }]
  >([
    ['is not due while the client is where it belongs', false, {}],
    ['is due in the second half of the life of the old one', true, { leftMs: 49_999 }],
    ['is not due at a draining backend', false, { leftMs: 1, state: 'draining' }],
    ['is not due for a client that went elsewhere for a while', false, { served: 1 }],
    ['is due for a client that is to stay where it went', true, { served: 1, onUnavailable: 'sticky' }],
    ['is due where the old one names a disabled backend', true, { served: 1, state: 'disabled' }],
    ['is due where the old one names a backend without weight', true, { served: 1, weight: 0 }],
  ])('%s', (_what, isDue, { served = 0, leftMs = 50_000, state = 'active', weight = 1, ...rules }) => {
    const held = { index: 0, expiresAt: leftMs };
    expect(isCookieDue(held, served, [{ state, weight }, other], { ...RULES, ...rules }, 0)).toBe(isDue);
  });

  it('is due for a client that has none', () => {
    expect(isCookieDue(null, 0, [other], RULES, 0)).toBe(true);
  });
});

describe('a client of a pool', () => {
  const NOW = 1_800_000_000_000;
  function poolOf(affinity: object, ids = ['a', 'b']) {
    const backends = ids.map((id) => ({ id, url: `http://${id}.example` }));
    const parsed = parseConfig({ pools: { web: { backends, affinity: { type: 'cookie', ...affinity } } } });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
    const shardMap = { epoch: 1, slots: [], groups: [] };
    const snapshot = {
      version: 1,
      healthEpoch: 1,
      boundSince: 0,
      config: parsed.config,
      health: {},
      shardMap,
    };
    const pool = createPoolRegistry({ random: seededRandom(1), now: () => 0, region: null }).get(
      snapshot,
      'web',
    );
    if (!pool) throw new Error('There is no pool');
    return pool;
  }
  /** What the client sends after a response of that backend. */
  async function cookieOf(pool: ReturnType<typeof poolOf>, index: number, signer = signerOf('secret')) {
    const fresh = await clientAffinity(signer, pool, [], NOW);
    const backend = pool.backends[index];
    if (!fresh || !backend) throw new Error('There is no affinity');
    return (await affinityCookie(fresh, backend, true, NOW)) ?? '';
  }
  const heldBy = async (pool: ReturnType<typeof poolOf>, cookie: string, nowMs = NOW, secret = 'secret') => {
    const fields = [['cookie', `x=1; ${cookie.split(';')[0]}`]] as const;
    return (await clientAffinity(signerOf(secret), pool, fields, nowMs))?.pinned;
  };

  it('gets a cookie with every protection, and is pinned by it at any edge with the secret', async () => {
    const pool = poolOf({ ttlSeconds: 60, name: 'sid' });
    const cookie = await cookieOf(pool, 1);
    expect(cookie).toMatch(/^sid=[\w.-]+; Path=\/; Max-Age=60; HttpOnly; SameSite=Lax; Secure$/);
    expect(await heldBy(pool, cookie)).toEqual({ index: 1, exclusive: false });
    // Another version, in which the backends stand in another order.
    expect(await heldBy(poolOf({ name: 'sid' }, ['c', 'b']), cookie)).toEqual({ index: 1, exclusive: false });
    expect(await heldBy(poolOf({ name: 'sid', onUnavailable: 'none' }), cookie)).toEqual({
      index: 1,
      exclusive: true,
    });
  });

  it('is free again once the cookie is expired, revoked, foreign or about nobody', async () => {
    const pool = poolOf({ ttlSeconds: 60 });
    const cookie = await cookieOf(pool, 1);
    expect(await heldBy(pool, cookie, NOW + 59_999)).not.toBeNull();
    expect(await heldBy(pool, cookie, NOW + 60_000)).toBeNull();
    expect(await heldBy(poolOf({ epoch: 1 }), cookie)).toBeNull();
    expect(await heldBy(poolOf({}, ['a', 'c']), cookie)).toBeNull();
    expect(await heldBy(pool, cookie, NOW, 'other')).toBeNull();
  });

  it('is judged by epoch and expiry also where the cookie is remembered', async () => {
    const signer = signerOf('secret');
    const pool = poolOf({ ttlSeconds: 60 });
    const fields = [['cookie', (await cookieOf(pool, 0, signer)).split(';')[0] ?? '']] as const;
    expect((await clientAffinity(signer, pool, fields, NOW))?.pinned?.index).toBe(0);
    expect((await clientAffinity(signer, pool, fields, NOW + 60_000))?.pinned).toBeNull();
    expect((await clientAffinity(signer, poolOf({ epoch: 1 }), fields, NOW))?.pinned).toBeNull();
  });

  it('is not kept where there is no secret, or no affinity', async () => {
    expect(createAffinitySigner('')).toBeNull();
    expect(await clientAffinity(null, poolOf({}), [], NOW)).toBeNull();
    expect(await clientAffinity(signerOf('secret'), poolOf({ type: 'none' }), [], NOW)).toBeNull();
  });
});

describe('withoutCookies', () => {
  const rest = (cookie: string) =>
    fieldValue(withoutCookies([['cookie', cookie]], new Set(['own'])), 'cookie');
  it.each([
    ['a=1; own=x; b=2', 'a=1; b=2'],
    ['own=x; a=1', 'a=1'],
    ['a=1;own=x', 'a=1'],
    ['own=x', undefined],
    ['own=x; own=y', undefined],
    ['own', undefined],
    ['owner=x; Own=y; a=own=z', 'owner=x; Own=y; a=own=z'],
  ])('makes of %j %j', (cookie, expected) => {
    expect(rest(cookie)).toBe(expected);
  });

  it('leaves fields that hold none as they are', () => {
    const fields = [
      ['cookie', 'a=1'],
      ['x-own', 'own=1'],
    ] as const;
    expect(withoutCookies(fields, new Set(['own']))).toBe(fields);
  });
});
