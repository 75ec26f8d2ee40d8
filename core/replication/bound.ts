// The group's staleness bound Δ: how old what a bounded read shows may be. It is part of the applied state, so each
// answer carries the limit that held at the op it shows, and whoever keeps a copy keeps that limit with it.
//
// It follows the configuration: callers say which bound they know and since which version, a member that is not the
// primary passes the news on, and the primary logs the newest. `since` decides, so whoever is behind changes nothing back.
//
// A bound that was lowered lives on in what was read before, for the time of the old one. `boundMaxMs` is the largest
// that any answer may still carry; strict purges go by it. Nothing but time ends it, measured by one life of one object
// from when that knew the lower bound to be committed: then the primary logs that it is settled.
import type { Command, CommandResult } from './commands.ts';
import { propose } from './commit.ts';
import { mixHash } from './digest.ts';
import { primaryOf } from './quorum.ts';
import { isNormal, type PrimaryState, type ReplicaState } from './replica-state.ts';
import { type Step, send } from './step.ts';
import { strictAfterMs } from './strict-purge.ts';

/** What somebody knows of the configured bound. */
export interface BoundNews {
  readonly boundMs: number;
  /** The version of the configuration since which it is so: newer wins. */
  readonly since: number;
}

/** Of bounded reads of what is applied here. */
export function boundMsOf({ head, limits }: ReplicaState): number {
  return head.boundMs === 0 ? limits.boundMs : head.boundMs;
}

/** The largest that an answer may still carry which does not show what is applied here. */
export function boundMaxMsOf(state: ReplicaState): number {
  return Math.max(state.head.boundMaxMs, boundMsOf(state));
}

/** News from a caller, or passed on by another member (`isFirstHand` false): those go no further. O(1). */
export function hearBound(step: Step, { boundMs, since }: BoundNews, isFirstHand: boolean): void {
  const { state, nowMs } = step;
  const { primary, limits } = state;
  const isBound = Number.isSafeInteger(boundMs) && boundMs > 0 && Number.isSafeInteger(since);
  if (!isBound || since <= state.head.boundSince) return;
  if (primary !== null) {
    if (since <= primary.boundAsked) return;
    primary.boundAsked = since;
    propose(primary, { type: 'bound', boundMs, since });
    return;
  }
  const isToldLately = nowMs >= state.boundToldAt && nowMs - state.boundToldAt < limits.heartbeatMs;
  if (!isFirstHand || state.joining !== null || isToldLately) return;
  state.boundToldAt = nowMs;
  send(step, primaryOf(state.view, state.identity.memberCount), { type: 'boundNews', boundMs, since });
}

export function applyBound(
  { state, nowMs }: Step,
  { boundMs, since }: Extract<Command, { type: 'bound' }>,
): CommandResult {
  const { head } = state;
  if (since <= head.boundSince) return { type: 'done' };
  head.boundMaxMs = Math.max(boundMaxMsOf(state), boundMs);
  head.boundMs = boundMs;
  head.boundSince = since;
  head.stateHash = mixHash(head.stateHash, `bound ${boundMs} ${head.boundMaxMs} ${since}`);
  state.boundKnownAt = nowMs;
  return { type: 'done' };
}

/** What was read before the newest bound held has run out: unless there is a newer one meanwhile. */
export function applyBoundSettled(
  { state }: Step,
  { since }: Extract<Command, { type: 'boundSettled' }>,
): CommandResult {
  const { head } = state;
  if (since !== head.boundSince) return { type: 'done' };
  head.boundMaxMs = head.boundMs;
  head.stateHash = mixHash(head.stateHash, `bound ${head.boundMs} settled`);
  return { type: 'done' };
}

/** At every step's end, before what is queued is logged: the time is counted, and what has settled is proposed. */
export function settleBound({ state, nowMs }: Step): void {
  const { head, primary } = state;
  if (head.boundMaxMs <= boundMsOf(state)) return;
  state.boundKnownAt ??= nowMs;
  if (primary === null || state.isAtRest || !isNormal(state) || boundSettlesAt(state, primary) > nowMs)
    return;
  primary.boundSettled = head.boundSince;
  propose(primary, { type: 'boundSettled', since: head.boundSince });
}

/** Infinity: nothing is to settle, or it was proposed. */
export function boundSettlesAt(state: ReplicaState, primary: PrimaryState): number {
  const { head, boundKnownAt } = state;
  if (boundKnownAt === null || head.boundMaxMs <= boundMsOf(state)) return Number.POSITIVE_INFINITY;
  if (primary.boundSettled === head.boundSince) return Number.POSITIVE_INFINITY;
  return boundKnownAt + strictAfterMs(head.boundMaxMs);
}
