// Who waits for a place at a pool whose backends are all full: in the order of arrival, no more than so many. Each
// looks after its own ticket; one that is not looked after (its client left, its request was ended) is passed over, so
// that nobody waits behind the gone.

export interface WaitTicket {
  /** Epoch ms, set by whoever waits each time that it looks. */
  seenAt: number;
}

/** Much longer than between two looks (pauseMs), even on a busy machine. */
const GONE_AFTER_MS = 500;

export class WaitLine {
  readonly #tickets: WaitTicket[] = [];

  /** null when `max` are waiting. O(n). */
  join(max: number, nowMs: number): WaitTicket | null {
    this.#forgetGone(nowMs);
    if (this.#tickets.length >= max) return null;
    const ticket = { seenAt: nowMs };
    this.#tickets.push(ticket);
    return ticket;
  }

  /** How many who still wait are before it; 0 = it is its turn. Counts as a look. O(n). */
  placeOf(ticket: WaitTicket, nowMs: number): number {
    ticket.seenAt = nowMs;
    let place = 0;
    for (const other of this.#tickets) {
      if (other === ticket) return place;
      if (!isGone(other, nowMs)) place++;
    }
    // Taken for gone while it was not: it is let in again, at the end.
    this.#tickets.push(ticket);
    return place;
  }

  leave(ticket: WaitTicket): void {
    const at = this.#tickets.indexOf(ticket);
    if (at !== -1) this.#tickets.splice(at, 1);
  }

  /** How many wait. O(n). */
  length(nowMs: number): number {
    this.#forgetGone(nowMs);
    return this.#tickets.length;
  }

  #forgetGone(nowMs: number): void {
    for (let at = this.#tickets.length - 1; at >= 0; at--) {
      const ticket = this.#tickets[at];
      if (ticket && isGone(ticket, nowMs)) this.#tickets.splice(at, 1);
    }
  }
}

function isGone({ seenAt }: WaitTicket, nowMs: number): boolean {
  return nowMs - seenAt > GONE_AFTER_MS;
}

/** Until the next look: the first in line looks often, those further back have time. */
export function pauseMs(place: number): number {
  return Math.min(2 + 4 * place, 50);
}
