// The queue before a full pool, with injected time: order, bounds, and those who go without a word.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pauseMs, WaitLine, type WaitTicket } from '../../core/load-balancing/wait-line.ts';

describe('a line', () => {
  const joined = (line: WaitLine, max: number, at: number): WaitTicket => {
    const ticket = line.join(max, at);
    if (ticket === null) throw new Error('The line is full');
    return ticket;
  };

  it('serves in the order of arrival and holds no more than it may', () => {
    const line = new WaitLine();
    const tickets = [joined(line, 2, 0), joined(line, 2, 0)] as const;
    expect(line.join(2, 0)).toBeNull();
    expect(tickets.map((ticket) => line.placeOf(ticket, 0))).toEqual([0, 1]);
    line.leave(tickets[0]);
    expect(line.placeOf(tickets[1], 0)).toBe(0);
    joined(line, 2, 0);
    expect(line.length(0)).toBe(2);
  });

  it('passes over those who do not look after their tickets', () => {
    const line = new WaitLine();
    joined(line, 9, 0);
    const second = joined(line, 9, 0);
    expect(line.placeOf(second, 500)).toBe(1);
    expect(line.placeOf(second, 501)).toBe(0);
    expect(line.length(501)).toBe(1);
  });

  it('lets one in again that was only slow', () => {
    const line = new WaitLine();
    const slow = joined(line, 9, 0);
    expect(line.length(10_000)).toBe(0);
    expect(line.placeOf(slow, 10_000)).toBe(0);
    expect(line.length(10_000)).toBe(1);
    line.leave(slow);
    line.leave(slow);
    expect(line.length(10_000)).toBe(0);
  });

  it('never has two whose turn it is, nor more than it may', () => {
    const action = fc.record({
      what: fc.constantFrom('join', 'join', 'look', 'look', 'leave'),
      which: fc.nat({ max: 20 }),
      passMs: fc.nat({ max: 120 }),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const line = new WaitLine();
        let tickets: WaitTicket[] = [];
        let now = 0;
        for (const { what, which, passMs } of actions) {
          now += passMs;
          const one = tickets[which % Math.max(1, tickets.length)];
          if (what === 'join') {
            const ticket = line.join(5, now);
            if (ticket) tickets.push(ticket);
          } else if (what === 'leave' && one) {
            line.leave(one);
            tickets = tickets.filter((other) => other !== one);
          } else if (one) line.placeOf(one, now);
          const waiting = tickets.filter(({ seenAt }) => now - seenAt <= 500);
          const places = waiting.map((ticket) =>
            line.placeOf(ticket, ticket.seenAt === now ? now : ticket.seenAt),
          );
          expect(places.filter((place) => place === 0).length).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  it('has the first look often and the last not seldom', () => {
    expect([0, 1, 5, 100].map(pauseMs)).toEqual([2, 6, 22, 50]);
  });
});
