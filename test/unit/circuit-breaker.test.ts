// The circuit breaker, with injected time: when it opens, what passes while it is half-open, and what closes it.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CircuitBreaker, type Era, type TrialEnd } from '../../core/load-balancing/circuit-breaker.ts';

const PARAMETERS = { failureRatio: 0.5, minRequests: 4, windowMs: 1_000, openMs: 500, halfOpenMax: 2 };
const START = 1_790_000_000_000;

function bench(parameters = PARAMETERS) {
  const circuit = new CircuitBreaker(parameters);
  let now = START;
  return {
    circuit,
    pass(ms: number) {
      now += ms;
    },
    send(): { era: Era; sentAt: number } {
      expect(circuit.mayTake(now)).toBe(true);
      return { era: circuit.sent(now).era, sentAt: now };
    },
    end({ era, sentAt }: { era: Era; sentAt: number }, end: TrialEnd) {
      return circuit.ended(era, sentAt, end, now);
    },
    /** One request after the other: "." = success, "x" = failure. */
    play(ends: string) {
      for (const end of ends) this.end(this.send(), end === 'x' ? 'failure' : 'success');
      return circuit.stateAt(now);
    },
    mayTake: () => circuit.mayTake(now),
    state: () => circuit.stateAt(now),
    opensInMs: () => circuit.opensInMs(now),
    now: () => now,
  };
}

describe('a circuit', () => {
  it('opens at the ratio, once there are enough requests in the window', () => {
    expect(bench().play('xxx')).toBe('closed');
    expect(bench().play('...x.xx')).toBe('closed');
    expect(bench().play('..xx')).toBe('open');
    const spread = bench();
    for (const end of 'xxx') {
      spread.play(end);
      spread.pass(700);
    }
    expect(spread.play('x')).toBe('closed');
  });

  it('lets nothing pass for its time, and says for how long', () => {
    const { circuit: _, ...open } = bench();
    open.play('xxxx');
    expect([open.mayTake(), open.opensInMs()]).toEqual([false, 500]);
    open.pass(499);
    expect([open.mayTake(), open.opensInMs()]).toEqual([false, 1]);
    open.pass(1);
    expect([open.mayTake(), open.opensInMs(), open.state()]).toEqual([true, 0, 'half-open']);
  });

  it('lets so many trials pass, and closes when all succeed', () => {
    const half = bench();
    half.play('xxxx');
    half.pass(500);
    const trials = [half.send(), half.send()] as const;
    expect(half.mayTake()).toBe(false);
    expect(half.end(trials[0], 'success')).toBeNull();
    expect(half.mayTake()).toBe(false);
    expect(half.end(trials[1], 'success')).toBe('closed');
    expect(half.play('xxx')).toBe('closed');
  });

  it('opens again with the first trial that fails, for as long again', () => {
    const half = bench();
    half.play('xxxx');
    half.pass(500);
    const [first, second] = [half.send(), half.send()];
    half.pass(100);
    expect(half.end(first, 'failure')).toBe('open');
    expect(half.end(second, 'success')).toBeNull();
    expect([half.state(), half.opensInMs()]).toEqual(['open', 500]);
  });

  it('gives the place of a trial that says nothing, or never ends, to another', () => {
    const half = bench();
    half.play('xxxx');
    half.pass(500);
    const trials = [half.send(), half.send()] as const;
    half.end(trials[0], 'unknown');
    half.send();
    expect(half.mayTake()).toBe(false);
    half.pass(500);
    expect(half.mayTake()).toBe(true);
  });

  it('does not hear what was sent before it turned', () => {
    const open = bench();
    const old = Array.from({ length: 8 }, () => open.send());
    open.play('xxxx');
    open.pass(500);
    const trial = open.send();
    for (const one of old) expect(open.end(one, 'failure')).toBeNull();
    open.end(trial, 'success');
    expect(open.state()).toBe('half-open');
  });

  it('counts a body that breaks off in place of the success that its head was', () => {
    const broken = bench();
    const sent = Array.from({ length: 4 }, () => broken.send());
    for (const one of sent) broken.end(one, 'success');
    expect(broken.circuit.brokeOff(sent[0]?.era ?? 0, broken.now())).toBeNull();
    expect(broken.circuit.brokeOff(sent[1]?.era ?? 0, broken.now())).toBe('open');
  });

  it('keeps state and counts across versions', () => {
    const kept = bench();
    kept.play('xxx');
    kept.circuit.redefine({ ...PARAMETERS });
    kept.play('x');
    expect(kept.state()).toBe('open');
    kept.circuit.redefine({ ...PARAMETERS, minRequests: 100, windowMs: 5_000 });
    expect(kept.state()).toBe('open');
  });

  it('keeps its promises whatever comes, in whatever order', () => {
    const action = fc.oneof(
      { weight: 3, arbitrary: fc.record({ do: fc.constant('send' as const) }) },
      {
        weight: 3,
        arbitrary: fc.record({
          do: fc.constant('end' as const),
          which: fc.nat({ max: 9 }),
          as: fc.constantFrom<TrialEnd>('success', 'failure', 'failure', 'unknown'),
        }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.nat({ max: 400 }) }) },
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 300 }), (actions) => {
        const circuit = new CircuitBreaker(PARAMETERS);
        let now = START;
        let openedAt: number | null = null;
        let underWay: { era: Era; sentAt: number }[] = [];
        for (const one of actions) {
          if (one.do === 'pass') now += one.ms;
          else if (one.do === 'send') {
            if (openedAt !== null && now < openedAt + PARAMETERS.openMs)
              expect(circuit.mayTake(now)).toBe(false);
            if (!circuit.mayTake(now)) continue;
            const { era } = circuit.sent(now);
            underWay.push({ era, sentAt: now });
            const trials = underWay.filter(
              (sent) => sent.era === era && now - sent.sentAt < PARAMETERS.openMs,
            );
            if (circuit.stateAt(now) === 'half-open') {
              openedAt = null;
              expect(trials.length).toBeLessThanOrEqual(PARAMETERS.halfOpenMax);
            }
          } else {
            const sent = underWay[one.which];
            if (!sent) continue;
            underWay = underWay.filter((other) => other !== sent);
            const before = circuit.stateAt(now);
            const change = circuit.ended(sent.era, sent.sentAt, one.as, now);
            if (change === 'open') openedAt = now;
            if (change === 'open')
              expect([before, one.as]).toEqual([expect.stringMatching(/closed|half-open/), 'failure']);
            if (change === 'closed') expect([before, one.as]).toEqual(['half-open', 'success']);
          }
        }
      }),
    );
  });

  it('spares a backend that is down nearly all of its requests', () => {
    const circuit = new CircuitBreaker({
      failureRatio: 0.5,
      minRequests: 20,
      windowMs: 10_000,
      openMs: 5_000,
      halfOpenMax: 3,
    });
    let sent = 0;
    // 50 requests/s for a minute, each of which fails after 10 ms.
    for (let i = 0; i < 3_000; i++) {
      const at = START + i * 20;
      if (!circuit.mayTake(at)) continue;
      sent++;
      circuit.ended(circuit.sent(at).era, at, 'failure', at + 10);
    }
    // 20 to open it, and one trial for each of the twelve times that it was open.
    expect(sent).toBe(20 + 11);
  });
});
