// The walk over a balancer's order: who is taken, who is refused and why, and what explain says of it.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Balancer, PoolView } from '../../core/load-balancing/balancer.ts';
import { BALANCERS, createBalancer } from '../../core/load-balancing/create-balancer.ts';
import { explainSelection } from '../../core/load-balancing/explain-selection.ts';
import type { HealthState } from '../../core/load-balancing/health.ts';
import type {
  LimitRefusal,
  SelectableBackend,
  SelectionQuestion,
} from '../../core/load-balancing/refusals.ts';
import { hasHealthyChoice, healthyShare, selectBackend } from '../../core/load-balancing/select-backend.ts';
import { seededRandom } from '../../core/random.ts';

const idle: PoolView = { inFlight: () => 0 };

interface Given extends SelectableBackend {
  readonly health: HealthState;
}

const backend = (id: string, fields: Partial<Given> = {}): Given => ({
  id,
  weight: 1,
  state: 'active',
  health: 'healthy',
  ...fields,
});

const balancerOf = (type: string, backends: readonly Given[]): Balancer =>
  createBalancer({ type, maxShare: 1.5, hashSeed: 0 }, backends, seededRandom(1));

/** A strategy that always says the list's own order. */
const inListOrder = (backends: readonly Given[]): Balancer => ({
  type: 'list',
  order: () => backends.flatMap(({ weight }, index) => (weight > 0 ? [index] : [])),
  scores: () => backends.map((_, index) => index / 10),
});

const ask = (backends: readonly Given[], rest: Partial<SelectionQuestion> = {}): SelectionQuestion => ({
  balancer: inListOrder(backends),
  backends,
  key: 'key',
  pool: idle,
  healthOf: (index) => backends[index]?.health ?? 'unknown',
  tried: [],
  ...rest,
});

describe('selectBackend', () => {
  it('takes the first choice when nothing is against it', () => {
    expect(selectBackend(ask([backend('a'), backend('b')]))).toEqual({
      type: 'backend',
      backend: 0,
      reason: 'healthy',
    });
  });

  it('takes a backend without a verdict for healthy', () => {
    expect(selectBackend(ask([backend('a', { health: 'unknown' })]))).toMatchObject({ reason: 'healthy' });
  });

  it.each([
    ['disabled', { state: 'disabled' }],
    ['draining', { state: 'draining' }],
    ['of weight 0', { weight: 0 }],
    ['unhealthy', { health: 'unhealthy' }],
  ] as const)('passes over a backend that is %s', (_what, fields) => {
    const selection = selectBackend(ask([backend('a', fields), backend('b')]));
    expect(selection).toEqual({ type: 'backend', backend: 1, reason: 'healthy' });
  });

  it('passes over what this request has tried', () => {
    const backends = [backend('a'), backend('b'), backend('c')];
    expect(selectBackend(ask(backends, { tried: [0, 1] }))).toMatchObject({ backend: 2 });
  });

  it('takes healthy backends first, then the unhealthy ones in order, and says so', () => {
    const down = { health: 'unhealthy' } as const;
    const backends = [backend('a', down), backend('b', down), backend('c')];
    expect(selectBackend(ask(backends))).toMatchObject({ backend: 2, reason: 'healthy' });
    expect(selectBackend(ask(backends, { tried: [2] }))).toMatchObject({ backend: 0, reason: 'last-resort' });
    expect(selectBackend(ask(backends, { tried: [2, 0] }))).toMatchObject({
      backend: 1,
      reason: 'last-resort',
    });
  });

  it('passes over what is ejected, and takes it before the unhealthy as a last resort', () => {
    const backends = [backend('a', { health: 'unhealthy' }), backend('b'), backend('c')];
    const isEjected = (index: number): boolean => index <= 1;
    expect(selectBackend(ask(backends, { isEjected }))).toMatchObject({ backend: 2, reason: 'healthy' });
    const left = { isEjected, tried: [2] };
    expect(selectBackend(ask(backends, left))).toMatchObject({ backend: 1, reason: 'last-resort' });
    expect(selectBackend(ask(backends, { ...left, tried: [2, 1] }))).toMatchObject({ backend: 0 });
    expect(explainSelection(ask(backends, { isEjected })).candidates.map(({ reason }) => reason)).toEqual([
      'unhealthy',
      'ejected',
      'healthy',
    ]);
    const asked = explainSelection(ask(backends, left));
    expect(asked.selection).toMatchObject({ backend: 1, reason: 'last-resort' });
    expect(asked.candidates.map(({ reason }) => reason)).toEqual([
      'last-resort',
      'last-resort',
      'already-tried',
    ]);
  });

  it.each([
    // Healthy, ejected, unhealthy; threshold; what is left when the healthy ones have been tried.
    [2, 1, 1, 0.5, null],
    [1, 1, 1, 0.5, 'ejected'],
    [1, 0, 2, 0.5, 'unhealthy'],
    [3, 1, 0, 0.75, null],
    [3, 1, 0, 1, 'ejected'],
    [0, 1, 1, 0.5, 'ejected'],
    [0, 1, 1, 0, null],
    [0, 0, 1, 0.5, 'unhealthy'],
  ] as const)(
    'with %i healthy, %i ejected and %i unhealthy backends and a panic threshold of %d goes on to %s',
    (healthy, ejected, unhealthy, panicThreshold, despite) => {
      const backends = [
        ...Array.from({ length: healthy }, (_, index) => backend(`h${index}`)),
        ...Array.from({ length: unhealthy }, (_, index) => backend(`u${index}`, { health: 'unhealthy' })),
        ...Array.from({ length: ejected }, (_, index) => backend(`e${index}`)),
        // They are out of the question, and of the share.
        backend('drained', { state: 'draining' }),
        backend('off', { state: 'disabled', health: 'unhealthy' }),
        backend('weightless', { weight: 0 }),
      ];
      const isEjected = (index: number): boolean => (backends[index]?.id ?? '').startsWith('e');
      const tried = Array.from({ length: healthy }, (_, index) => index);
      const question = ask(backends, { isEjected, panicThreshold, tried });
      const selection = selectBackend(question);
      expect(selection).toMatchObject(
        despite === null ? { type: 'no-backend' } : { reason: 'last-resort', despite },
      );
      expect(explainSelection(question).selection).toEqual(selection);
      expect(healthyShare(question)).toEqual({ healthy, eligible: healthy + ejected + unhealthy });
    },
  );

  it('never takes a disabled, draining or weightless backend as a last resort', () => {
    const backends = [
      backend('a', { state: 'disabled', health: 'unhealthy' }),
      backend('b', { state: 'draining' }),
      backend('c', { weight: 0 }),
    ];
    expect(selectBackend(ask(backends))).toEqual({ type: 'no-backend', reason: 'all-refused' });
  });

  it('tells an empty pool from a refused one and from one that has been tried', () => {
    expect(selectBackend(ask([]))).toEqual({ type: 'no-backend', reason: 'no-backends' });
    const backends = [backend('a'), backend('b', { state: 'disabled' })];
    expect(selectBackend(ask(backends, { tried: [0] }))).toEqual({ type: 'no-backend', reason: 'all-tried' });
  });

  it('never takes what is at a limit, not even as a last resort, and says when only limits are in the way', () => {
    const ill = { health: 'unhealthy' } as const;
    const limits = (...of: (LimitRefusal | null)[]) => ({ limitOf: (index: number) => of[index] ?? null });
    const two = [backend('a'), backend('b')];
    expect(selectBackend(ask(two, limits('at-capacity')))).toMatchObject({ backend: 1, reason: 'healthy' });
    const none = { type: 'no-backend', reason: 'all-limited' };
    expect(selectBackend(ask(two, limits('circuit-open', 'at-capacity')))).toEqual({
      ...none,
      limit: 'at-capacity',
    });
    expect(selectBackend(ask(two, limits('circuit-open', 'circuit-open')))).toEqual({
      ...none,
      limit: 'circuit-open',
    });
    expect(selectBackend(ask(two, { ...limits('at-capacity'), tried: [1] }))).toMatchObject(none);
    const sick = [backend('a', ill), backend('b', ill)];
    expect(selectBackend(ask(sick, limits('at-capacity')))).toMatchObject({
      backend: 1,
      reason: 'last-resort',
    });
    // In panic the sick one at its limit would be taken; without, nobody would be but for the limit.
    expect(selectBackend(ask(sick, { ...limits('at-capacity'), tried: [1] }))).toMatchObject(none);
    const calm = { ...limits('at-capacity', 'at-capacity'), panicThreshold: 0 };
    expect(selectBackend(ask(sick, calm))).toEqual({ type: 'no-backend', reason: 'all-refused' });
    expect(selectBackend(ask([backend('a', { state: 'disabled' })], limits('at-capacity')))).toEqual({
      type: 'no-backend',
      reason: 'all-refused',
    });
  });

  it('says whether a healthy one could be taken', () => {
    const backends = [
      backend('a'),
      backend('b', { health: 'unhealthy' }),
      backend('c', { state: 'draining' }),
    ];
    expect(hasHealthyChoice(ask(backends))).toBe(true);
    expect(hasHealthyChoice(ask(backends, { tried: [0] }))).toBe(false);
    expect(hasHealthyChoice(ask(backends, { isEjected: () => true }))).toBe(false);
    expect(hasHealthyChoice(ask(backends, { limitOf: () => 'at-capacity' }))).toBe(false);
  });

  it.each([
    ['active', backend('b'), {}],
    ['draining', backend('b', { state: 'draining' }), {}],
  ] as const)('takes the pinned backend first while it is %s', (_what, pinnedTo, rest) => {
    const backends = [backend('a'), pinnedTo];
    for (const exclusive of [false, true]) {
      const question = ask(backends, { ...rest, pinned: { index: 1, exclusive } });
      const selection = { type: 'backend', backend: 1, reason: 'pinned', despite: null };
      expect(selectBackend(question)).toEqual(selection);
      const explained = explainSelection(question);
      expect(explained.selection).toEqual(selection);
      expect(explained.candidates[1]).toMatchObject({ accepted: true, reason: 'pinned' });
      expect(explained.candidates[0]).toMatchObject({ reason: exclusive ? 'not-pinned' : 'healthy' });
    }
  });

  it.each([
    ['disabled', { state: 'disabled' }, {}, 'all-refused'],
    ['of weight 0', { weight: 0 }, {}, 'all-refused'],
    ['tried', {}, { tried: [1] }, 'all-tried'],
    ['at its limit', {}, { limitOf: (index: number) => (index === 1 ? 'at-capacity' : null) }, 'all-limited'],
    ['unhealthy', { health: 'unhealthy' }, {}, null],
    ['ejected', {}, { isEjected: (index: number) => index === 1 }, null],
  ] as const)(
    'chooses as usual for a client pinned to one that is %s, unless nobody else may be tried',
    (_what, fields, rest, reason) => {
      const backends = [backend('a'), backend('b', fields)];
      const pinnedTo = (exclusive: boolean) => ask(backends, { ...rest, pinned: { index: 1, exclusive } });
      expect(selectBackend(pinnedTo(false))).toMatchObject({ backend: 0, reason: 'healthy' });
      const alone = selectBackend(pinnedTo(true));
      // What may be tried as a last resort is tried: there is no other for this client.
      expect(alone).toMatchObject(reason === null ? { backend: 1, reason: 'pinned' } : { reason });
      expect(explainSelection(pinnedTo(true)).selection).toEqual(alone);
    },
  );

  const SPREADING = Object.keys(BALANCERS).filter((type) => type !== 'first-available');

  it.each(SPREADING)('spreads requests over an all-unhealthy pool too: %s', (type) => {
    const backends = ['a', 'b', 'c', 'd'].map((id) => backend(id, { health: 'unhealthy' }));
    const balancer = balancerOf(type, backends);
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 400; i++) {
      const selection = selectBackend(ask(backends, { balancer, key: `key ${i}` }));
      if (selection.type === 'backend') counts[selection.backend] = (counts[selection.backend] ?? 0) + 1;
    }
    // 100 expected; five binomial deviations of 8.7, and the coarse ring's arcs of 9 %, three times.
    for (const count of counts) expect(Math.abs(count - 100)).toBeLessThan(5 * 8.7 + 27);
  });

  it('does not move keys of other backends when one is disabled', () => {
    const backends = ['a', 'b', 'c', 'd'].map((id) => backend(id));
    const balancer = balancerOf('consistent-hash', backends);
    const without = backends.map((one) => (one.id === 'b' ? { ...one, state: 'disabled' as const } : one));
    for (let i = 0; i < 300; i++) {
      const before = selectBackend(ask(backends, { balancer, key: `key ${i}` }));
      const after = selectBackend(ask(without, { balancer, key: `key ${i}` }));
      if (before.type === 'backend' && before.backend !== 1) expect(after).toEqual(before);
      else expect(after).toMatchObject({ type: 'backend', reason: 'healthy' });
    }
  });
});

describe('explainSelection', () => {
  it('lists every candidate with its order, score and reason', () => {
    const backends = [
      backend('a', { state: 'draining' }),
      backend('b', { weight: 0 }),
      backend('c', { health: 'unhealthy' }),
      backend('d'),
      backend('e'),
      backend('f', { state: 'disabled' }),
    ];
    const { candidates, selection } = explainSelection(ask(backends, { tried: [4] }));
    expect(candidates).toEqual([
      { backend: 0, order: 1, score: 0, accepted: false, reason: 'draining' },
      { backend: 2, order: 2, score: 0.2, accepted: false, reason: 'unhealthy' },
      { backend: 3, order: 3, score: 0.3, accepted: true, reason: 'healthy' },
      { backend: 4, order: 4, score: 0.4, accepted: false, reason: 'already-tried' },
      { backend: 5, order: 5, score: 0.5, accepted: false, reason: 'disabled' },
      { backend: 1, order: null, score: 0.1, accepted: false, reason: 'zero-weight' },
    ]);
    expect(selection).toEqual({ type: 'backend', backend: 3, reason: 'healthy' });
  });

  it('accepts the unhealthy as a last resort only when no healthy one is left', () => {
    const backends = [backend('a', { health: 'unhealthy' }), backend('b', { state: 'disabled' })];
    const { candidates, selection } = explainSelection(ask(backends));
    expect(candidates.map(({ accepted, reason }) => ({ accepted, reason }))).toEqual([
      { accepted: true, reason: 'last-resort' },
      { accepted: false, reason: 'disabled' },
    ]);
    expect(selection).toEqual({
      type: 'backend',
      backend: 0,
      reason: 'last-resort',
      despite: 'unhealthy',
    });
  });

  it('foretells the next selection and takes no turn, for strategies that draw no lots', () => {
    const given = fc.record({
      weight: fc.integer({ min: 0, max: 5 }),
      state: fc.constantFrom('active' as const, 'draining' as const, 'disabled' as const),
      health: fc.constantFrom('healthy' as const, 'unhealthy' as const, 'unknown' as const),
    });
    fc.assert(
      fc.property(
        fc.constantFrom('round-robin', 'weighted-round-robin', 'consistent-hash'),
        fc.array(given, { maxLength: 6 }),
        fc.array(fc.nat({ max: 5 }), { maxLength: 2 }),
        (type, fields, tried) => {
          const backends = fields.map((field, i) => backend(`b${i}`, field));
          const balancer = balancerOf(type, backends);
          for (let i = 0; i < 8; i++) {
            const question = ask(backends, { balancer, tried, key: `key ${i}` });
            const explained = explainSelection(question);
            expect(explainSelection(question)).toEqual(explained);
            expect(selectBackend(question)).toEqual(explained.selection);
            expect(explained.candidates).toHaveLength(backends.length);
          }
        },
      ),
      { seed: 1, numRuns: 150 },
    );
  });
});
