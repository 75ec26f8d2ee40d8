// Leases: one fetch per miss. They live in the primary's memory and only spare the origin work; whether a fill is
// accepted never depends on them (apply-fill). Source: Nishtala et al. 2013, §3.2.1.
import type { FillToken } from './commands.ts';
import { TOMBSTONE_LIFE_MS } from './limits.ts';
import type { Lease } from './messages.ts';
import type { HeldLease, PrimaryState, ReplicaState } from './replica-state.ts';
import { isNewer, sameViewstamp, type Viewstamp } from './viewstamp.ts';

/**
 * A token as new as everything logged so far, and at most one unexpired lease per key. `t` is not below any logged
 * time, so the age of a fill is never negative while clocks behave. Amortized O(1).
 */
export function grantLease(state: ReplicaState, primary: PrimaryState, key: string, nowMs: number): Lease {
  const { leases } = primary;
  const { leaseMs, leasesMax } = state.limits;
  const held = leases.get(key);
  const isOvertaken = held !== undefined && isNewer(primary.newestPurge, held.token);
  if (held !== undefined && !isOvertaken && isUnexpired(held, nowMs, leaseMs)) return takenBy(held);
  const token = tokenOf(state, nowMs);
  // Deleted first, so that the map's order is the order of granting and the oldest goes when there are too many.
  leases.delete(key);
  leases.set(key, { token, until: nowMs + leaseMs });
  dropOldest(leases, nowMs, leaseMs, leasesMax);
  return { type: 'granted', token };
}

function takenBy({ token }: HeldLease): Lease {
  return { type: 'taken', token };
}

/** As new as everything logged so far: what a fetch that begins now brings is refused by all that comes after. O(1). */
export function tokenOf(state: ReplicaState, nowMs: number): FillToken {
  return {
    groupId: state.identity.groupId,
    view: state.view,
    op: state.log.last.op,
    t: Math.max(state.log.lastT, nowMs),
  };
}

/**
 * The holder is still at work: its lease counts from now again, but never for longer than its fill would be accepted.
 * False where it has none any more. Amortized O(1).
 */
export function renewLease(
  state: ReplicaState,
  primary: PrimaryState,
  key: string,
  token: FillToken,
  nowMs: number,
): boolean {
  const { leases } = primary;
  const { leaseMs } = state.limits;
  const held = leases.get(key);
  if (held === undefined || !isOf(held, token) || isNewer(primary.newestPurge, token)) return false;
  if (!isUnexpired(held, nowMs, leaseMs)) return false;
  leases.delete(key);
  leases.set(key, { token: held.token, until: Math.min(nowMs + leaseMs, token.t + TOMBSTONE_LIFE_MS) });
  return true;
}

/** Ends the lease that this token belongs to; a later one of the same key stays. */
export function releaseLease(primary: PrimaryState, key: string, token: FillToken): boolean {
  const held = primary.leases.get(key);
  if (held === undefined || !isOf(held, token)) return false;
  return primary.leases.delete(key);
}

/** What was written or purged at `stamp` makes the fetch of an older token useless: somebody else may begin anew. */
export function revokeLease(primary: PrimaryState, key: string, stamp: Viewstamp): void {
  const held = primary.leases.get(key);
  if (held !== undefined && isNewer(stamp, held.token)) primary.leases.delete(key);
}

/** A purge by anything but a URL may concern every fetch under way: their tags are not known yet. O(1). */
export function revokeOlderLeases(primary: PrimaryState, { view, op }: Viewstamp): void {
  primary.newestPurge = { view, op };
}

function isOf(held: HeldLease, token: FillToken): boolean {
  return sameViewstamp(held.token, token) && held.token.t === token.t;
}

/** A clock set back must not prolong a lease: one that ends too far ahead has ended. */
function isUnexpired(held: HeldLease, nowMs: number, leaseMs: number): boolean {
  return held.until > nowMs && held.until <= nowMs + leaseMs;
}

function dropOldest(leases: Map<string, HeldLease>, nowMs: number, leaseMs: number, leasesMax: number): void {
  for (const [key, held] of leases) {
    if (leases.size <= leasesMax && isUnexpired(held, nowMs, leaseMs)) return;
    leases.delete(key);
  }
}
