// How old what this member shows can be, by its own clock alone. `freshAsOf = x` means: whatever was committed before
// x is applied here. At the primary x is the start of a round that a majority has confirmed, or the append of an op
// that has committed. A backup sends its own time with an answer that it wrote a row for; the primary sends it back
// with the commit index of a round that began after it had it; and x is that time once so much is applied. In memory
// only: a member that boots knows nothing until it has heard again. No two clocks are ever compared.
import { boundMsOf } from './bound.ts';
import type { Clock, Echo } from './messages.ts';
import type { ConfirmRound, PrimaryState, ReplicaState } from './replica-state.ts';

export function ownClock(state: ReplicaState, nowMs: number): Clock {
  return { s: nowMs, nonce: state.nonce };
}

/** What a round that a majority has answered lets the primary say to each backup whose time it knew when it began. */
export function echoClocks(state: ReplicaState, primary: PrimaryState, { clocks }: ConfirmRound): void {
  for (const peer of primary.peers) {
    const clock = clocks.get(peer.member);
    if (clock !== undefined) peer.echo = { ...clock, commit: state.head.commit };
  }
}

/** One echo waits until its commit is applied; later ones come soon enough and must not push it out for ever. */
export function hearEcho(state: ReplicaState, echo: Echo | null): void {
  if (echo?.nonce !== state.nonce) return;
  state.echo ??= echo;
  settleEcho(state);
}

/** After anything was applied. O(1). */
export function settleEcho(state: ReplicaState): void {
  const { echo } = state;
  if (echo === null || state.head.applied < echo.commit) return;
  state.echo = null;
  noteFreshAsOf(state, echo.s);
}

export function noteFreshAsOf(state: ReplicaState, at: number): void {
  state.freshAsOf = Math.max(state.freshAsOf ?? at, at);
}

/** null: it cannot tell. A clock that went back makes nothing fresh. */
export function ageMsOf({ freshAsOf }: ReplicaState, nowMs: number): number | null {
  return freshAsOf === null || nowMs < freshAsOf ? null : nowMs - freshAsOf;
}

export function isWithinBound(state: ReplicaState, nowMs: number): boolean {
  const ageMs = ageMsOf(state, nowMs);
  return ageMs !== null && ageMs <= boundMsOf(state);
}
