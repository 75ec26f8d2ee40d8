// Who looks for whom while many wait for one fetch.
import { describe, expect, it } from 'vitest';
import { Flights } from '../../core/cache/flights.ts';
import { WaitForFlight } from '../../core/cache/wait-for-flight.ts';

describe('those who wait for one key', () => {
  it('send one of them to look, another when that one is gone or has resigned', () => {
    const flight = new Flights().join('k', 0);
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
    const flight = flights.join('k', 0);
    expect(flights.join('k', 1)).toBe(flight);
    expect(flights.join('other', 1)).not.toBe(flight);
    flight.isOver = true;
    expect(flights.join('k', 2)).not.toBe(flight);
  });

  it('are joined unasked by newcomers once they are many, and not for ever', () => {
    const flights = new Flights();
    for (let i = 0; i < 63; i++) flights.join('k', 0);
    expect(flights.crowded('k', 0)).toBeNull();
    const flight = flights.join('k', 0);
    expect(flights.crowded('k', 1)).toBe(flight);
    expect(flights.crowded('k', 40_000)).toBeNull();
  });

  it('are forgotten beyond a thousand keys, the oldest first', () => {
    const flights = new Flights();
    const first = flights.join('0', 0);
    for (let i = 1; i <= 1_000; i++) flights.join(String(i), 0);
    expect(flights.join('0', 1)).not.toBe(first);
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
});
