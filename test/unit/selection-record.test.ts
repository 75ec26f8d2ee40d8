// A choice written down while it is made: that writing changes nothing, and that what is written is what was decided, for
// every strategy and everything around it.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { explainSelection } from '../../core/load-balancing/explain-selection.ts';
import { selectBackend } from '../../core/load-balancing/select-backend.ts';
import { SelectionRecord } from '../../core/load-balancing/selection-record.ts';
import { seededRandom } from '../../core/random.ts';
import { ALL_TYPES, backend, HASHING, layered } from '../support/layered-pools.ts';

const backends = fc.uniqueArray(
  fc.record({
    id: fc.stringMatching(/^[a-z0-9]{1,4}$/),
    weight: fc.constantFrom(0, 0.5, 1, 3),
    state: fc.constantFrom('active' as const, 'active' as const, 'draining' as const, 'disabled' as const),
    health: fc.constantFrom('healthy' as const, 'healthy' as const, 'unhealthy' as const, 'unknown' as const),
    priority: fc.nat({ max: 1 }),
    inFlight: fc.nat({ max: 20 }),
    warmth: fc.constantFrom(1, 1, 0.1, 0.5),
  }),
  { selector: ({ id }) => id, maxLength: 7 },
);
const circumstances = fc.record({
  isLayered: fc.boolean(),
  boundedLoad: fc.constantFrom(0, 1.25),
  seed: fc.nat(),
  ejected: fc.array(fc.boolean(), { minLength: 7, maxLength: 7 }),
  tried: fc.array(fc.nat({ max: 6 }), { maxLength: 2 }),
  panicThreshold: fc.constantFrom(0, 0.5, 1),
  pinned: fc.constantFrom(null, { index: 0, exclusive: false }, { index: 0, exclusive: true }),
});

describe.each(ALL_TYPES)('under %s', (type) => {
  const isHashing = (HASHING as readonly string[]).includes(type);

  it('the same is chosen with a record as without, and the record is of that choice', () => {
    fc.assert(
      fc.property(backends, circumstances, (given, around) => {
        const made = () =>
          layered({
            type,
            // Without layers there is one balancer, of all backends.
            backends: around.isLayered ? given : given.map((one) => ({ ...one, priority: 0 })),
            boundedLoad: isHashing ? around.boundedLoad : 0,
            random: seededRandom(around.seed),
          });
        // Two pools alike, with the same chances to come.
        const [plain, written] = [made(), made()];
        for (let i = 0; i < 5; i++) {
          const more = {
            tried: around.tried.filter((index) => index < given.length),
            isEjected: (index: number) => around.ejected[index] === true,
            panicThreshold: around.panicThreshold,
            pinned: given.length > 0 ? around.pinned : null,
            ...(around.isLayered ? {} : { layers: null }),
          };
          const question = written.question(`key ${i}`, more);
          const record = new SelectionRecord(question);
          const selection = selectBackend({ ...question, record });
          expect(selectBackend(plain.question(`key ${i}`, more))).toEqual(selection);

          const candidates = record.candidates(selection);
          expect(candidates.map(({ backend: index }) => index).sort()).toEqual(
            given.map((_, index) => index),
          );
          const looked = candidates.filter(({ order }) => order !== null);
          expect(looked.map(({ order }) => order)).toEqual(looked.map((_, at) => at + 1));
          if (selection.type === 'backend') {
            const chosen = candidates.find(({ backend: index }) => index === selection.backend);
            expect(chosen).toMatchObject({ accepted: true, order: expect.any(Number) });
            // Nobody who could be taken was looked at before, but for who yields and who is a last resort.
            const before = looked.slice(0, chosen ? looked.indexOf(chosen) : 0);
            for (const { reason } of before)
              expect(['healthy', 'pinned', 'not-reached']).not.toContain(reason);
          } else {
            for (const { reason } of candidates) expect(['healthy', 'not-reached']).not.toContain(reason);
          }
          for (const { reason, order } of candidates) if (reason === 'not-reached') expect(order).toBeNull();
          // What the dry run says, where that can know it.
          if (isHashing && around.pinned === null) {
            const said = explainSelection(question);
            expect(said.selection).toEqual(selection);
            expect(record.tiers().map(({ isHome, load }) => [isHome, load])).toEqual(
              said.tiers.map(({ isHome, load }) => [isHome, load]),
            );
          }
        }
      }),
      { seed: 19, numRuns: 120 },
    );
  });
});

describe('a record', () => {
  const recorded = (
    pool: Parameters<typeof layered>[0],
    more: Parameters<ReturnType<typeof layered>['question']>[1] = {},
  ) => {
    const question = layered(pool).question('key', more);
    const record = new SelectionRecord(question);
    const selection = selectBackend({ ...question, record });
    return record
      .candidates(selection)
      .map(({ backend: index, accepted, reason }) => [index, accepted, reason]);
  };

  it('names each refusal that the walk met, and who was not reached', () => {
    const given = [
      backend('a', { state: 'draining' }),
      backend('b', { health: 'unhealthy' }),
      backend('c'),
      backend('d'),
      backend('e', { state: 'disabled' }),
    ];
    expect(recorded({ type: 'first-available', backends: given })).toEqual([
      [0, false, 'draining'],
      [1, false, 'unhealthy'],
      [2, true, 'healthy'],
      [3, true, 'not-reached'],
      [4, false, 'disabled'],
    ]);
  });

  it('names the last resort, and who is left alone for a pinned client', () => {
    const sick = [backend('a', { health: 'unhealthy' }), backend('b', { state: 'disabled' })];
    expect(recorded({ type: 'first-available', backends: sick })).toEqual([
      [0, true, 'last-resort'],
      [1, false, 'disabled'],
    ]);
    const well = [backend('a'), backend('b')];
    const pinned = { index: 1, exclusive: true };
    expect(recorded({ type: 'first-available', backends: well }, { pinned })).toEqual([
      [1, true, 'pinned'],
      [0, false, 'not-pinned'],
    ]);
  });

  it('names who is over its bound, and who yields since nobody else is left', () => {
    const busy = [backend('a', { inFlight: 9 }), backend('b', { inFlight: 0 })];
    const pool = { type: 'rendezvous', backends: busy, boundedLoad: 1.25 };
    const lines = ['0', '1', '2', '3'].map((key) => {
      const question = layered(pool).question(key);
      const record = new SelectionRecord(question);
      return record.candidates(selectBackend({ ...question, record }));
    });
    // Whoever's key belongs to the busy one goes to the other, and the record says why.
    expect(
      lines.some(([first]) => first?.backend === 0 && first.reason === 'over-bound' && !first.accepted),
    ).toBe(true);
    const cold = [backend('a', { warmth: 0.1 })];
    expect(recorded({ type: 'rendezvous', backends: cold })).toEqual([[0, true, 'healthy']]);
  });
});
