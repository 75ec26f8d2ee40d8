// How often an edge asks for a suspicion to be verified, and how few of many askers cost a probe.
import { describe, expect, it } from 'vitest';
import { type SuspicionAnswer, SuspicionPacer } from '../../core/load-balancing/suspicion-pacer.ts';
import { SuspicionGate } from '../../durable-objects/health-monitor/suspicion-gate.ts';

describe('the pace of an edge’s suspicions', () => {
  /** When it asks, of failures every 100 ms, each answered at once. */
  const askedAt = (answer: SuspicionAnswer, untilMs: number, isOutlier = false): number[] => {
    const pacer = new SuspicionPacer();
    const asked: number[] = [];
    for (let nowMs = 0; nowMs <= untilMs; nowMs += 100) {
      if (!pacer.mayAsk('a', isOutlier, nowMs)) continue;
      asked.push(nowMs);
      pacer.heard('a', answer);
    }
    return asked;
  };

  it('asks at the first failure, and then ever more rarely while probes find nothing', () => {
    expect(askedAt('refuted', 130_000)).toEqual([0, 1_000, 3_000, 7_000, 15_000, 31_000, 63_000, 123_000]);
  });

  it('asks twice a second while nobody knows, or where more than one request failed', () => {
    expect(askedAt('pending', 2_000)).toEqual([0, 500, 1_000, 1_500, 2_000]);
    expect(askedAt('refuted', 2_000, true)).toEqual([0, 500, 1_000, 1_500, 2_000]);
  });

  it('is each backend’s own, and begins anew after two quiet minutes', () => {
    const pacer = new SuspicionPacer();
    const ask = (backend: string, nowMs: number) => {
      const may = pacer.mayAsk(backend, false, nowMs);
      if (may) pacer.heard(backend, 'refuted');
      return may;
    };
    expect([ask('a', 0), ask('b', 0), ask('a', 999), ask('a', 1_000)]).toEqual([true, true, false, true]);
    expect([ask('a', 121_000), ask('a', 122_000)]).toEqual([true, true]);
    pacer.keepOnly(['b']);
    expect([ask('a', 122_100), ask('b', 100)]).toEqual([true, false]);
  });
});

describe('the gate before a monitor’s probes', () => {
  const gateWithProbes = () => {
    const gate = new SuspicionGate();
    const ends: ((answer: SuspicionAnswer) => void)[] = [];
    const suspect = (backend: string, nowMs: number) =>
      gate.verify(backend, nowMs, () => new Promise((resolve) => ends.push(resolve)));
    return { suspect, ends };
  };

  it('answers everybody who comes meanwhile with one probe', async () => {
    const { suspect, ends } = gateWithProbes();
    const answers = Promise.all(Array.from({ length: 1_000 }, (_, index) => suspect('a', index)));
    expect(ends).toHaveLength(1);
    ends[0]?.('confirmed');
    expect(new Set(await answers)).toEqual(new Set(['confirmed']));
  });

  it('probes one backend four times a second at most, and six backends at once', async () => {
    const { suspect, ends } = gateWithProbes();
    const first = suspect('a', 0);
    ends[0]?.('refuted');
    expect(await first).toBe('refuted');
    expect(await suspect('a', 249)).toBe('pending');
    for (const backend of 'abcdef') void suspect(backend, 250);
    expect(ends).toHaveLength(7);
    expect(await suspect('g', 250)).toBe('pending');
    ends[1]?.('refuted');
    await suspect('a', 250);
    void suspect('g', 250);
    expect(ends).toHaveLength(8);
  });

  it('is open again after a probe that broke', async () => {
    const gate = new SuspicionGate();
    const broken = gate.verify('a', 0, () => Promise.reject(new Error('planted')));
    await expect(broken).rejects.toThrow('planted');
    expect(await gate.verify('a', 250, async () => 'refuted')).toBe('refuted');
  });
});
