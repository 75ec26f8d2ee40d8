// Who looks for whom while many wait for one fetch.
import { describe, expect, it } from 'vitest';
import { Flights } from '../../worker/data-plane/flights.ts';

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
