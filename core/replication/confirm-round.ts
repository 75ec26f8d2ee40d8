// Confirm rounds: the primary asks a majority whether it still is one. What a majority answers to a question that was
// asked at an instant was true then, since a later view would have needed one of them first. Reads wait for such a
// round; without reads it is the heartbeat. Every round has an id of its own that is never used again, in this life
// (the number) or another (the nonce); question and answers leave only behind a durable write (R0).
// Source: Ongaro & Ousterhout 2014 §8 (ReadIndex in Ongaro's thesis, §6.4).
import { armBatch } from './commit.ts';
import { isDeaf } from './failure-detector.ts';
import { echoClocks, hearEcho, noteFreshAsOf, ownClock } from './freshness.ts';
import type { Clock, MessageBody } from './messages.ts';
import { quorumOf } from './quorum.ts';
import { answerConfirmedReads } from './reads.ts';
import {
  type ConfirmRound,
  isNormal,
  type Peer,
  type PrimaryState,
  type ReplicaState,
} from './replica-state.ts';
import { newestMark } from './state-hash.ts';
import { type Step, sendVote, setTimer } from './step.ts';

type Confirm = Extract<MessageBody, { type: 'confirm' }>;
type ConfirmOk = Extract<MessageBody, { type: 'confirmOk' }>;

/** Rounds kept open: an answer may take longer than a heartbeat's pause. */
const OPEN_MAX = 8;

/** The round that a read arriving now must wait for: the next to start. */
export function nextRound(primary: PrimaryState): number {
  return primary.lastRound + 1;
}

export function roundId(state: ReplicaState, n: number): string {
  return `${state.nonce}.${n}`;
}

/** Starts a round if the group must be woken, or if a read waits for one to start and none is under way. */
export function startWantedRound(step: Step, primary: PrimaryState): void {
  if (step.wantsRound || (!primary.batchArmed && isRoundDue(step.state, primary))) startRound(step, primary);
}

export function isRoundDue(state: ReplicaState, primary: PrimaryState): boolean {
  const newest = primary.waitingReads.at(-1);
  if (newest === undefined || newest.round <= primary.lastRound || !isNormal(state)) return false;
  return !primary.rounds.some((round) => round.isNormal);
}

/** The heartbeat, unless reads have had a round lately. */
export function beat(step: Step, primary: PrimaryState): void {
  const { heartbeatMs } = step.state.limits;
  if (step.nowMs - primary.lastRoundAt >= heartbeatMs) startRound(step, primary);
}

function startRound(step: Step, primary: PrimaryState): void {
  const { state, nowMs } = step;
  primary.lastRound += 1;
  primary.lastRoundAt = nowMs;
  const round: ConfirmRound = {
    n: primary.lastRound,
    startedAt: nowMs,
    isNormal: isNormal(state),
    answered: new Set(),
    clocks: knownClocks(primary),
  };
  primary.rounds.push(round);
  if (primary.rounds.length > OPEN_MAX) primary.rounds.shift();
  const id = roundId(state, round.n);
  const isHeard = !isDeaf(state, primary, nowMs);
  // The own vote counts like the others': only behind a write of this very step.
  step.votes = true;
  for (const { member, echo } of primary.peers) {
    sendVote(step, member, { type: 'confirm', id, isHeard, echo });
  }
  settleRound(step, primary, round);
}

function knownClocks({ peers }: PrimaryState): ReadonlyMap<number, Clock> {
  return new Map(peers.flatMap(({ member, clock }) => (clock === null ? [] : [[member, clock] as const])));
}

export function handleConfirm(step: Step, from: number, { id, echo }: Confirm): void {
  const { state, nowMs } = step;
  hearEcho(state, echo);
  const clock = ownClock(state, nowMs);
  sendVote(step, from, { type: 'confirmOk', id, clock, mark: newestMark(state) });
}

export function handleConfirmOk(
  step: Step,
  primary: PrimaryState,
  peer: Peer,
  { id, clock, mark = null }: ConfirmOk,
): void {
  peer.clock = clock;
  peer.mark = mark;
  const from = peer.member;
  const round = primary.rounds.find(({ n }) => roundId(step.state, n) === id);
  if (round === undefined) return;
  round.answered.add(from);
  settleRound(step, primary, round);
  armBatch(step, primary);
}

function settleRound(step: Step, primary: PrimaryState, round: ConfirmRound): void {
  const { state } = step;
  if (round.answered.size + 1 < quorumOf(state.identity.memberCount)) return;
  primary.rounds = primary.rounds.filter(({ n }) => n > round.n);
  primary.answeredAt = Math.max(primary.answeredAt, round.startedAt);
  if (!round.isNormal) return;
  noteFreshAsOf(state, round.startedAt);
  echoClocks(state, primary, round);
  answerConfirmedReads(step, primary, round.n);
}

/** While the group is active and awake, a round at least every `heartbeatMs`. */
export function armHeartbeat(step: Step, primary: PrimaryState): void {
  const { state } = step;
  if (state.isAtRest || primary.heartbeatArmed || primary.peers.length === 0) return;
  primary.heartbeatArmed = true;
  setTimer(step, 'heartbeat', state.limits.heartbeatMs);
}
