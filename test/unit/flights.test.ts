// Who looks for whom while many wait for one fetch, and who may take what it brings before it is stored.
import { describe, expect, it } from 'vitest';
import { type Flight, Flights } from '../../core/cache/flights.ts';
import { Holding } from '../../core/cache/holding.ts';
import { SharedBody } from '../../core/cache/shared-body.ts';
import type { StoredResponse } from '../../core/cache/stored-response.ts';
import { WaitForFlight } from '../../core/cache/wait-for-flight.ts';

const enter = (flights: Flights, key: string, nowMs: number): Flight => {
  const flight = flights.join(key, nowMs);
  flight.enter();
  return flight;
};
const hold = (flights: Flights, fetchId: string, nowMs: number): Holding => {
  const holding = new Holding(fetchId, nowMs);
  flights.hold('k', holding, nowMs);
  return holding;
};
const confirmation = { groupId: 'g', bookmark: { view: 0, op: 9 } };
const answer = { stored: {} as StoredResponse, body: new Uint8Array(1) };

describe('those who wait for one key', () => {
  it('send one of them to look, another when that one is gone or has resigned', () => {
    const flight = enter(new Flights(), 'k', 0);
    expect(flight.mayScout(false, 0)).toBe(true);
    expect(flight.mayScout(false, 100)).toBe(false);
    expect(flight.mayScout(true, 200)).toBe(true);
    expect(flight.mayScout(false, 499)).toBe(false);
    expect(flight.mayScout(false, 500)).toBe(true);
    flight.resign();
    expect(flight.mayScout(false, 501)).toBe(true);
  });

  it('wait together until there is something to be found', () => {
    const flights = new Flights();
    const flight = enter(flights, 'k', 0);
    expect(enter(flights, 'k', 1)).toBe(flight);
    expect(enter(flights, 'other', 1)).not.toBe(flight);
    flight.isOver = true;
    expect(enter(flights, 'k', 2)).not.toBe(flight);
  });

  it('are joined unasked by newcomers once they are many, and not for ever', () => {
    const flights = new Flights();
    for (let i = 0; i < 63; i++) enter(flights, 'k', 0);
    expect(flights.crowded('k', 0)).toBeNull();
    const flight = enter(flights, 'k', 0);
    expect(flights.crowded('k', 1)).toBe(flight);
    expect(flights.crowded('k', 40_000)).toBeNull();
  });

  it('look less often the more they are, at least once a second', () => {
    const flight = enter(new Flights(), 'k', 0);
    expect(flight.pauseMs(2)).toBe(2);
    for (let i = 1; i < 3_000; i++) flight.enter();
    expect([flight.pauseMs(2), flight.pauseMs(500)]).toEqual([200, 500]);
    for (let i = 0; i < 40_000; i++) flight.enter();
    expect(flight.pauseMs(2)).toBe(1_000);
  });

  it('are forgotten beyond a thousand keys, the oldest first', () => {
    const flights = new Flights();
    const first = flights.join('0', 0);
    for (let i = 1; i <= 1_000; i++) flights.join(String(i), 0);
    expect(flights.join('0', 1)).not.toBe(first);
  });
});

describe('a fetch of this isolate', () => {
  it('is joined unasked, and its answer taken by those of whom a confirmation began after they had come', () => {
    const flights = new Flights();
    const holding = hold(flights, '1', 0);
    const flight = flights.known('k', 1);
    if (flight === null) throw new Error('unreachable');
    const first = flight.enter();
    expect(flight.mayScout(false, 1)).toBe(true);
    const upTo = flight.arrivals;
    const second = flight.enter();
    holding.share(answer, 2);
    expect(flight.answerFor(first, 2)).toBeNull();
    expect(flight.confirm(holding, '1', upTo, confirmation)).toBe(true);
    expect(flight.answerFor(first, 2)).toEqual({ ...answer, ...confirmation });
    expect(flight.answerFor(second, 2)).toBeNull();
    // Somebody is not covered yet: the shard is asked again, and then no more.
    expect(flight.mayScout(true, 3)).toBe(true);
    flight.confirm(holding, '1', flight.arrivals, confirmation);
    expect(flight.mayScout(true, 4)).toBe(false);
    expect(flight.answerFor(second, 4)).not.toBeNull();
  });

  it('is not joined by what was confirmed of another, and given up for it', () => {
    const flights = new Flights();
    const lost = hold(flights, '1', 0);
    lost.share(answer, 0);
    const flight = flights.join('k', 0);
    const number = flight.enter();
    expect(flight.confirm(new Holding('1', 0), '1', 1, confirmation)).toBe(false);
    expect(flight.heldHere(0)).toBe(lost);
    expect(flight.confirm(lost, '2', 1, confirmation)).toBe(false);
    expect([flight.heldHere(0), flight.answerFor(number, 0)]).toEqual([null, null]);
    // A new fetch has to be confirmed for itself.
    const third = hold(flights, '3', 1);
    third.share(answer, 1);
    flight.confirm(third, '3', 1, confirmation);
    hold(flights, '4', 2).share(answer, 2);
    expect(flight.answerFor(number, 2)).toBeNull();
  });

  it('is not waited for when nothing is heard of it, or it is over', () => {
    const flights = new Flights();
    const holding = hold(flights, '1', 0);
    holding.goesOn(2_000);
    expect(flights.known('k', 5_999)).not.toBeNull();
    expect(flights.known('k', 6_000)).toBeNull();
    holding.goesOn(6_000);
    expect(flights.held('k', '1', 6_001)).toBe(holding);
    expect(flights.held('k', '2', 6_001)).toBeNull();
    holding.end();
    expect(flights.held('k', '1', 6_001)).toBeNull();
    expect(flights.join('k', 6_001).mayScout(false, 6_001)).toBe(true);
  });

  it('leaves its body in memory for nobody once it is over, or was ended without a word', () => {
    const flights = new Flights();
    const stored = hold(flights, '1', 0);
    stored.share(answer, 0);
    stored.end();
    expect(stored.answer).toBeNull();
    for (let i = 0; i < 20; i++) {
      const lost = new Holding(String(i), 0);
      flights.hold(`lost ${i}`, lost, 0);
      lost.share(answer, 0);
    }
    expect(flights.size).toBe(21);
    flights.join('another', 30_000);
    expect(flights.size).toBe(22);
    flights.join('one more', 30_001);
    expect(flights.size).toBe(2);
  });

  it('is not joined any more once its body is cut, grows too large, or is not heard of', () => {
    const shared = () => {
      const flights = new Flights();
      const body = new SharedBody(null, 10, 0);
      hold(flights, '1', 0).share({ ...answer, body }, 0);
      return { body, isJoined: (nowMs: number) => flights.known('k', nowMs) !== null };
    };
    const silent = shared();
    expect([silent.isJoined(4_999), silent.isJoined(5_000)]).toEqual([true, false]);
    const large = shared();
    large.body.add(new Uint8Array(11));
    expect(large.isJoined(1)).toBe(false);
    const cut = shared();
    cut.body.cut();
    expect(cut.isJoined(1)).toBe(false);
    const whole = shared();
    whole.body.finish();
    expect([whole.isJoined(9_999), whole.isJoined(10_000)]).toEqual([true, false]);
  });

  it('ten thousand who wait for it ask the shard a few times, whatever the order they come in', () => {
    const flights = new Flights();
    const holding = hold(flights, '1', 0);
    const waiting = new Map<number, { at: number; isScout: boolean; pause: number }>();
    let asked = 0;
    let looks = 0;
    let served = 0;
    for (let nowMs = 0; nowMs <= 3_000 && (served < 10_000 || nowMs < 1_000); nowMs++) {
      if (nowMs === 500) holding.share(answer, nowMs);
      const flight = flights.known('k', nowMs);
      if (flight === null) throw new Error('unreachable');
      // Half of them at once, the others within the first second.
      for (let i = 0; i < (nowMs === 0 ? 5_000 : nowMs <= 1_000 ? 5 : 0); i++) {
        waiting.set(flight.enter(), { at: nowMs, isScout: false, pause: 2 });
      }
      for (const [number, one] of waiting) {
        if (one.at > nowMs) continue;
        looks++;
        if (flight.answerFor(number, nowMs) !== null) {
          waiting.delete(number);
          served++;
          if (one.isScout) flight.resign();
          continue;
        }
        one.isScout = flight.mayScout(one.isScout, nowMs);
        if (one.isScout) {
          asked++;
          // The answer takes no time here; those who come meanwhile are not covered.
          flight.confirm(holding, '1', flight.arrivals, confirmation);
        }
        one.pause = Math.min(64, one.pause * 2);
        one.at = nowMs + flight.pauseMs(one.pause);
      }
    }
    expect(served).toBe(10_000);
    expect(asked).toBeLessThan(400);
    expect(looks).toBeLessThan(60_000);
  });
});

describe('one that waits', () => {
  const LIMITS = { waitMs: 100, pauseMinMs: 2, pauseMaxMs: 8 };

  it('asks the shard first, then as the scout, while the others only look', () => {
    const flights = new Flights();
    const [first, second] = [0, 1].map((at) => new WaitForFlight(flights, 'k', at, LIMITS));
    for (const wait of [first, second]) {
      expect(wait?.asks(1, false)).toBe(true);
      expect(wait?.hasJoined).toBe(false);
      expect(wait?.goesOn(1, true)).toBe(true);
      expect(wait?.hasJoined).toBe(true);
    }
    expect([first?.asks(2, false), second?.asks(2, false)]).toEqual([true, false]);
    // The scout has found it: everybody may ask.
    first?.ends(false);
    expect(second?.asks(3, false)).toBe(true);
    // It is there no more, and somebody fetches it again: another flight.
    expect(second?.goesOn(3, true)).toBe(true);
    expect(second?.asks(4, false)).toBe(true);
  });

  it('leaves scouting to another when it is to fetch itself', () => {
    const flights = new Flights();
    const waits = [0, 1].map(() => new WaitForFlight(flights, 'k', 0, LIMITS));
    for (const wait of waits) {
      wait.asks(0, false);
      wait.goesOn(0, true);
    }
    expect(waits.map((wait) => wait.asks(1, false))).toEqual([true, false]);
    waits[0]?.ends(true);
    expect(waits[1]?.asks(2, false)).toBe(true);
  });

  it('goes itself when the response could not serve it, when waiting is of no use, or has been too long', () => {
    const flights = new Flights();
    const wait = new WaitForFlight(flights, 'k', 0, LIMITS);
    wait.asks(0, false);
    expect(wait.goesOn(0, false)).toBe(false);
    expect(wait.asks(99, false) && wait.goesOn(99, true)).toBe(true);
    expect(wait.asks(99, true) && wait.goesOn(99, true)).toBe(false);
    expect(wait.asks(100, false) && wait.goesOn(100, true)).toBe(false);
  });

  it('joins a crowd without asking', () => {
    const flights = new Flights(1);
    const first = new WaitForFlight(flights, 'k', 0, LIMITS);
    first.asks(0, false);
    first.goesOn(0, true);
    const late = new WaitForFlight(flights, 'k', 1, LIMITS);
    expect([late.hasJoined, late.asks(1, false)]).toEqual([true, false]);
    expect([first.hasJoined, first.asks(1, false)]).toEqual([true, true]);
  });

  it('looks less and less often', () => {
    const wait = new WaitForFlight(new Flights(), 'k', 0, LIMITS);
    expect([1, 2, 3, 4].map(() => wait.pauseMs())).toEqual([2, 4, 8, 8]);
  });

  it('asks on behalf of all that have come, and joins what is held here', () => {
    const flights = new Flights();
    const holding = hold(flights, 'f', 0);
    holding.share(answer, 0);
    const [scout, other] = [0, 1].map(() => new WaitForFlight(flights, 'k', 0, LIMITS, true));
    expect([scout?.hasJoined, scout?.asks(0, false), other?.asks(0, false)]).toEqual([true, true, false]);
    const question = scout?.question(0) ?? null;
    if (question === null) throw new Error('unreachable');
    expect(question).toEqual({ holding, upTo: 2 });
    expect(other?.question(0)).toBeNull();
    const late = new WaitForFlight(flights, 'k', 0, LIMITS, true);
    expect(scout?.confirms(question, 'f', confirmation)).toBe(true);
    const shared = { ...answer, ...confirmation };
    expect([scout, other, late].map((wait) => wait?.answer(1))).toEqual([shared, shared, null]);
    scout?.joins();
    expect([other?.asks(1, false), late.asks(1, false)]).toEqual([true, false]);
    // Who asks first joins no fetch unasked.
    expect(new WaitForFlight(flights, 'k', 1, LIMITS).hasJoined).toBe(false);
  });

  it('leaves the question to another when there was no answer', () => {
    const flights = new Flights();
    hold(flights, 'f', 0);
    const waits = [0, 1].map(() => new WaitForFlight(flights, 'k', 0, LIMITS, true));
    expect(waits.map((wait) => wait.asks(0, false))).toEqual([true, false]);
    waits[0]?.isLeftUnanswered();
    expect(waits.toReversed().map((wait) => wait.asks(1, false))).toEqual([true, false]);
  });

  it('knows when another fetch follows the one that it has waited for', () => {
    const wait = new WaitForFlight(new Flights(), 'k', 0, LIMITS);
    const ids = ['a', 'a', null, 'a', 'b', 'b'];
    expect(ids.map((id) => wait.hasWaitedForAnother(id))).toEqual([false, false, false, false, true, false]);
  });
});
