// Probes that real traffic spares: what an edge notes, what the Directory keeps of it, and which probes a monitor then
// does not make. Time is the test's.
import { describe, expect, it } from 'vitest';
import { type Proof, ProofLog } from '../../core/load-balancing/proof-log.ts';
import { seededRandom } from '../../core/random.ts';
import { ProofBook } from '../../durable-objects/directory/proof-book.ts';
import {
  type MonitorState,
  type ProbedBackend,
  SPARED_MAX,
} from '../../durable-objects/health-monitor/probed-backends.ts';
import { spareProved } from '../../durable-objects/health-monitor/spare-proved.ts';
import { noteProof } from '../../worker/data-plane/note-proof.ts';

describe('what an edge notes', () => {
  it('is when each backend last answered well, told once', () => {
    const log = new ProofLog();
    log.note(3, 'web', 'a', true, 100);
    log.note(3, 'web', 'a', true, 400);
    log.note(3, 'api', 'a', true, 300);
    expect(log.take(3, 500)).toEqual([
      ['web', 'a', 100],
      ['api', 'a', 200],
    ]);
    expect(log.take(3, 600)).toBeNull();
  });

  it('is nothing of a backend that also failed since the last time', () => {
    const log = new ProofLog();
    for (const isGood of [true, false, true]) log.note(3, 'web', 'a', isGood, 100);
    log.note(3, 'web', 'b', true, 100);
    expect(log.take(3, 100)).toEqual([['web', 'b', 0]]);
    log.note(3, 'web', 'a', true, 200);
    expect(log.take(3, 200)).toEqual([['web', 'a', 0]]);
  });

  it('is of one version: what was sent by another proves nothing of the present backends', () => {
    const log = new ProofLog();
    log.note(3, 'web', 'a', true, 100);
    log.note(4, 'web', 'b', true, 100);
    log.note(3, 'web', 'a', true, 200);
    expect(log.take(4, 200)).toEqual([['web', 'b', 100]]);
    log.note(4, 'web', 'b', true, 300);
    expect(log.take(5, 300)).toBeNull();
    expect(log.take(4, 300)).toBeNull();
  });

  it.each([
    ['success', 200, 'proved'],
    ['success', 304, 'proved'],
    ['success', 404, 'nothing'],
    ['gateway-error', 503, 'taken away'],
    ['server-error', 500, 'taken away'],
    ['local-error', null, 'taken away'],
    ['edge-error', null, 'nothing'],
  ] as const)('of %s with status %s is: %s', (outcome, status, expected) => {
    const proved = (health?: { skipWhenTrafficProves: boolean }) => {
      const proofs = new ProofLog();
      proofs.note(1, 'web', 'b', true, 0);
      const visit = { edge: { proofs }, snapshot: { version: 1 } };
      const pool = { name: 'web', config: { health } };
      for (const backend of ['a', 'b']) noteProof(visit, pool, backend, outcome, status, 0);
      return (proofs.take(1, 0) ?? []).map(([, backend]) => backend).join();
    };
    const seen = { proved: 'b,a', nothing: 'b', 'taken away': '' }[expected];
    expect(proved({ skipWhenTrafficProves: true })).toBe(seen);
    // Off, and where nothing is probed: nothing is noted at all.
    for (const health of [{ skipWhenTrafficProves: false }, undefined]) expect(proved(health)).toBe('b');
  });
});

describe('what the Directory keeps of it', () => {
  it('is the youngest proof of each backend by the current version, by its own clock', () => {
    const book = new ProofBook();
    book.take(7, 7, [['web', 'a', 50]] satisfies Proof[], 1_000);
    book.take(7, 7, [['web', 'a', 500]] satisfies Proof[], 1_010);
    book.take(7, 6, [['web', 'b', 0]] satisfies Proof[], 1_020);
    book.take(7, 7, [['api', 'c', 0]] satisfies Proof[], 1_020);
    expect(book.of(7, 'web', 1_050)).toEqual([['a', 100]]);
    expect(book.of(7, 'constructor', 1_050)).toEqual([]);
    expect(book.of(8, 'web', 1_050)).toEqual([]);
    expect(book.of(7, 'web', 1_050)).toEqual([]);
  });
});

describe('a due probe', () => {
  const NOW = 100_000;
  const cadence = { intervalMs: 10_000, jitterRatio: 0 };
  const healthy = { state: 'healthy', since: 0, successes: 2, failures: 0 } as const;
  const backend = (more: Partial<ProbedBackend> = {}): ProbedBackend => ({
    url: 'http://a.example',
    health: healthy,
    epoch: 4,
    reason: '2 probes in a row succeeded',
    lastProbeAt: 90_000,
    lastError: null,
    nextProbeAt: NOW,
    spared: 0,
    unreported: false,
    ...more,
  });
  const stateOf = (more: Partial<ProbedBackend> = {}): MonitorState => ({
    epoch: 4,
    backends: { a: backend(more) },
  });
  const spare = (state: MonitorState, ageMs: number, nowMs = NOW, random = seededRandom(1)) =>
    spareProved(state, ['a'], new Map([['a', ageMs]]), cadence, nowMs, random);

  it('of a healthy backend is put off to an interval after the proof, and nothing else changes', () => {
    expect(spare(stateOf(), 3_000)).toEqual({
      epoch: 4,
      backends: { a: { ...backend(), nextProbeAt: NOW + 7_000, lastProofAt: NOW - 3_000, spared: 1 } },
    });
  });

  it('is never later than an interval after the last proof, and comes sooner by the jitter', () => {
    for (let seed = 0; seed < 200; seed++) {
      const { a } = spareProved(
        stateOf(),
        ['a'],
        new Map([['a', 9_200]]),
        { ...cadence, jitterRatio: 0.1 },
        NOW,
        seededRandom(seed),
      ).backends;
      expect(a?.nextProbeAt).toBeLessThanOrEqual(NOW + 800);
      expect(a?.nextProbeAt).toBeGreaterThanOrEqual(NOW);
    }
  });

  it.each<[string, Partial<ProbedBackend>, number]>([
    ['the proof is as old as the interval', {}, 10_000],
    ['the backend is down: traffic resurrects nobody', { health: { ...healthy, state: 'unhealthy' } }, 0],
    ['nothing is known of it yet', { health: { ...healthy, state: 'unknown', successes: 1 } }, 0],
    ['the last probe spoke against it', { health: { ...healthy, successes: 0, failures: 1 } }, 0],
    ['an edge suspects it', { suspectedUntil: NOW + 1 }, 0],
    ['it is the first by a new definition', { spared: SPARED_MAX }, 0],
    ['it is disabled', { nextProbeAt: null }, 0],
  ])('is made where %s', (_, more, ageMs) => {
    const state = stateOf(more);
    expect(spare(state, ageMs)).toBe(state);
  });

  it('is made where there is no proof, or it is from an earlier release', () => {
    const { spared: _, ...old } = backend();
    for (const state of [stateOf(), { epoch: 4, backends: { a: old } }]) {
      expect(spareProved(state, ['a'], new Map(), cadence, NOW, seededRandom(1))).toBe(state);
    }
    const before = { epoch: 4, backends: { a: old } };
    expect(spare(before, 0)).toBe(before);
  });

  it('is made after nine that were spared, though every one of them is proved', () => {
    let state = stateOf();
    let nowMs = NOW;
    for (let i = 0; i < SPARED_MAX; i++) {
      state = spare(state, 0, nowMs);
      nowMs = state.backends.a?.nextProbeAt ?? 0;
    }
    expect(nowMs).toBe(NOW + 9 * 10_000);
    expect(spare(state, 0, nowMs)).toBe(state);
  });
});
