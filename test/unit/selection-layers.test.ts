// Everything that stands around a strategy at once, whatever the strategy: what must hold for any composition.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { explainSelection } from '../../core/load-balancing/explain-selection.ts';
import { selectBackend } from '../../core/load-balancing/select-backend.ts';
import { seededRandom } from '../../core/random.ts';
import { ALL_TYPES, HASHING, layered } from '../support/layered-pools.ts';

const backends = fc.uniqueArray(
  fc.record({
    id: fc.stringMatching(/^[a-z0-9]{1,4}$/),
    weight: fc.constantFrom(0, 0.5, 1, 3),
    state: fc.constantFrom('active' as const, 'active' as const, 'draining' as const, 'disabled' as const),
    health: fc.constantFrom('healthy' as const, 'healthy' as const, 'unhealthy' as const, 'unknown' as const),
    priority: fc.nat({ max: 2 }),
    region: fc.constantFrom('weur', 'enam', 'oc', undefined),
    inFlight: fc.nat({ max: 20 }),
    warmth: fc.constantFrom(1, 1, 0.1, 0.5),
  }),
  { selector: ({ id }) => id, maxLength: 8 },
);

const circumstances = fc.record({
  boundedLoad: fc.constantFrom(0, 1.05, 1.25),
  overprovisioning: fc.constantFrom(1, 1.4, 3),
  region: fc.constantFrom(null, 'weur', 'AS'),
  seed: fc.nat(),
  key: fc.string(),
  ejected: fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
  full: fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
  panicThreshold: fc.constantFrom(0, 0.5, 1),
});

describe.each(ALL_TYPES)('with all layers around it, %s', (type) => {
  const isHashing = (HASHING as readonly string[]).includes(type);

  it('tries each backend at most once, none that may not be, the healthy first, and ends only when nobody is left', () => {
    fc.assert(
      fc.property(backends, circumstances, (given, around) => {
        const boundedLoad = isHashing ? around.boundedLoad : 0;
        const { question, tiers } = layered({
          type,
          backends: given,
          ...around,
          boundedLoad,
          random: seededRandom(around.seed),
        });
        const isEjected = (index: number): boolean => around.ejected[index] === true;
        const isFull = (index: number): boolean => around.full[index] === true;
        const tried: number[] = [];
        const ask = () =>
          question(around.key, {
            tried: [...tried],
            isEjected,
            limitOf: (index) => (isFull(index) ? 'at-capacity' : null),
            panicThreshold: around.panicThreshold,
          });
        const mayTry = given.flatMap(({ weight, state }, index) =>
          weight > 0 && state === 'active' && !isFull(index) ? [index] : [],
        );
        const isWell = (index: number): boolean => given[index]?.health !== 'unhealthy' && !isEjected(index);
        const eligible = given.flatMap(({ weight, state }, i) =>
          weight > 0 && state === 'active' ? [i] : [],
        );
        const isPanic = eligible.filter(isWell).length < eligible.length * around.panicThreshold;

        for (;;) {
          const asked = ask();
          if (isHashing && asked.key !== '') {
            const { selection, candidates } = explainSelection(asked);
            expect(selectBackend(asked)).toEqual(selection);
            expect(candidates).toHaveLength(given.length);
          }
          const selection = selectBackend(asked);
          if (selection.type !== 'backend') break;
          expect(tried).not.toContain(selection.backend);
          expect(mayTry).toContain(selection.backend);
          expect(selection.reason).toBe(isWell(selection.backend) ? 'healthy' : 'last-resort');
          tried.push(selection.backend);
        }
        const wells = mayTry.filter(isWell);
        expect(tried.slice(0, wells.length).sort()).toEqual([...wells].sort());
        expect([...tried].sort()).toEqual([...(isPanic ? mayTry : wells)].sort());
        // After its own tier a request goes through the others in order: each tier is one run of attempts.
        const tierOf = (index: number) => tiers.findIndex(({ members }) => members.includes(index));
        const runs = tried
          .slice(0, wells.length)
          .map(tierOf)
          .filter((tier, i, all) => tier !== all[i - 1]);
        expect(new Set(runs).size).toBe(runs.length);
        expect(runs.slice(1)).toEqual([...runs.slice(1)].sort());
      }),
      { seed: 6, numRuns: 40 },
    );
  });

  it('takes the pinned backend first, however cold, full of others or far it is', () => {
    fc.assert(
      fc.property(backends, circumstances, fc.nat(), (given, around, place) => {
        fc.pre(given.length > 0);
        const index = place % given.length;
        const pinnedTo = given[index];
        fc.pre(pinnedTo !== undefined && pinnedTo.weight > 0 && pinnedTo.state !== 'disabled');
        fc.pre(pinnedTo?.health !== 'unhealthy');
        const boundedLoad = isHashing ? around.boundedLoad : 0;
        const { question } = layered({ type, backends: given, ...around, boundedLoad });
        const selection = selectBackend(question(around.key, { pinned: { index, exclusive: false } }));
        expect(selection).toEqual({ type: 'backend', backend: index, reason: 'pinned', despite: null });
      }),
      { seed: 7, numRuns: 40 },
    );
  });
});

describe('without any layer', () => {
  const drawsLots = (type: string) =>
    type.includes('random') || type === 'least-requests' || type === 'peak-ewma';

  it.each(ALL_TYPES.filter((type) => !drawsLots(type)))('the choices are those of one tier: %s', (type) => {
    const given = ['a', 'b', 'c', 'd'].map((id, i) => ({
      id,
      weight: 1 + i,
      state: 'active' as const,
      health: i === 2 ? ('unhealthy' as const) : ('healthy' as const),
      priority: 0,
      inFlight: 0,
      warmth: 1,
    }));
    const picksOf = (isLayered: boolean) => {
      const { question } = layered({ type, backends: given, warmthOf: null });
      return Array.from({ length: 200 }, (_, i) => {
        const asked = question(`key ${i}`);
        const selection = selectBackend(isLayered ? asked : { ...asked, layers: null });
        return selection.type === 'backend' ? selection.backend : -1;
      });
    };
    expect(picksOf(true)).toEqual(picksOf(false));
  });
});
