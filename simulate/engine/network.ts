// The ways between members, and between edges and members: which are cut, in which direction, and how long a message
// takes. Calls are remote procedure calls: what is cut on the way back was carried out all the same.
import type { MessageBody } from '../../core/replication/messages.ts';
import type { Chance } from './chance.ts';
import type { FaultName, Faults } from './faults.ts';

/** A place that sends or receives: members from 0 on, edges from `EDGES_FROM` on. */
export type Place = number;

export const EDGES_FROM = 8;
const PLACES = 16;

export class Network {
  faults: Faults;
  private readonly chance: Chance;
  /** How many causes cut the way from one place to another. */
  private readonly cuts = new Uint8Array(PLACES * PLACES);
  /** Ways on which only what takes over a log gets through. */
  private readonly pullsOnly = new Set<number>();
  private readonly busyUntil = new Float64Array(PLACES * PLACES);
  private readonly happened: (fault: FaultName, member: number) => void;

  constructor(chance: Chance, faults: Faults, happened: (fault: FaultName, member: number) => void) {
    this.chance = chance;
    this.faults = faults;
    this.happened = happened;
  }

  isCut(from: Place, to: Place): boolean {
    return this.cuts[from * PLACES + to] !== 0;
  }

  cut(from: Place, to: Place): void {
    (this.cuts[from * PLACES + to] as number) += 1;
  }

  mend(from: Place, to: Place): void {
    const at = from * PLACES + to;
    if (this.cuts[at] !== 0) (this.cuts[at] as number) -= 1;
  }

  /** Both ways between two places. */
  passPullsOnly(one: Place, other: Place, isOn: boolean): void {
    for (const way of [one * PLACES + other, other * PLACES + one]) {
      if (isOn) this.pullsOnly.add(way);
      else this.pullsOnly.delete(way);
    }
  }

  /** All ways are open, and nobody waits behind a message that is slow. */
  mendAll(): void {
    this.cuts.fill(0);
    this.pullsOnly.clear();
    this.busyUntil.fill(0);
  }

  /** How long this message takes, ms. Without reordering, no message of a way overtakes another. */
  delayMs(from: Place, to: Place, now: number): number {
    const { faults, chance } = this;
    let delay = 1 + chance.next() * 20;
    if (chance.hits(faults.slow)) {
      delay = chance.heavyTailed(30, 20_000, 0.7);
      this.happened('delay', memberOf(from, to));
    }
    const way = from * PLACES + to;
    const earliest = this.busyUntil[way] as number;
    if (now + delay < earliest) {
      if (!faults.reorder) return earliest - now;
      this.happened('reorder', memberOf(from, to));
    } else {
      this.busyUntil[way] = now + delay;
    }
    return delay;
  }

  /** Whether this message gets lost on its way. */
  loses(from: Place, to: Place, type?: MessageBody['type']): boolean {
    if (this.isCut(from, to)) return true;
    if (this.pullsOnly.size > 0 && this.pullsOnly.has(from * PLACES + to) && !isOfPull(type)) return true;
    const { drop, dropMore } = this.faults;
    const probability = type !== undefined && type === dropMore?.type ? dropMore.probability : drop;
    if (!this.chance.hits(probability)) return false;
    this.happened('drop', memberOf(from, to));
    return true;
  }
}

function isOfPull(type: MessageBody['type'] | undefined): boolean {
  return type === 'pull' || type === 'pulled';
}

/** The member that a way belongs to: its end, or its beginning where the end is an edge. */
export function memberOf(from: Place, to: Place): number {
  return to < EDGES_FROM ? to : from;
}
