// How a new primary gets the best log of its majority: it asks for what follows the place where the two logs should
// meet, and takes each batch in as a backup takes a prepare. A batch counts only while its source still promises this
// view: until then the source's log stands still, since only this primary could change it.
import { takeEntries, whereLogsMeet } from './backup.ts';
import { beginInstall, handleFetchedForInstall } from './install.ts';
import type { MessageBody } from './messages.ts';
import { readLog, viewstampAt } from './op-log.ts';
import type { Election, LogPull, ReplicaState } from './replica-state.ts';
import { storeChunk } from './requests.ts';
import { type Step, send } from './step.ts';
import type { Viewstamp } from './viewstamp.ts';

type Pulled = Extract<MessageBody, { type: 'pulled' }>;

const CHUNKS_AT_ONCE = 4;

export function isPulling(election: Election, best: { from: number; last: Viewstamp }): boolean {
  const { pull } = election;
  return (
    pull !== null &&
    pull.from === best.from &&
    pull.last.op === best.last.op &&
    pull.last.view === best.last.view
  );
}

export function pullFrom(
  step: Step,
  election: Election,
  { from, last }: { from: number; last: Viewstamp },
): void {
  const after = Math.min(step.state.log.last.op, last.op);
  election.pull = { from, last, after, sentAt: null, chunksWanted: new Set() };
  resendPull(step, election.pull);
}

/** Asks, unless an answer is on its way. */
export function resendPull(step: Step, pull: LogPull | null): void {
  const { nowMs, state } = step;
  if (pull === null) return;
  if (pull.sentAt !== null && nowMs - pull.sentAt < state.limits.changeResendMs) return;
  pull.sentAt = nowMs;
  if (pull.chunksWanted.size === 0) send(step, pull.from, { type: 'pull', after: pull.after });
  for (const hash of pull.chunksWanted) send(step, pull.from, { type: 'fetchChunk', hash });
}

export function pullDueAt(state: ReplicaState, { pull }: Election): number {
  if (pull === null) return Number.POSITIVE_INFINITY;
  return (pull.sentAt ?? Number.NEGATIVE_INFINITY) + state.limits.changeResendMs;
}

/** The source's side. It has promised the message's view, or the message would not have come here. */
export function handlePull(step: Step, from: number, after: number): void {
  const { state, store } = step;
  const prev = viewstampAt(state, store, after) ?? null;
  const entries =
    prev === null || prev.op >= state.log.last.op
      ? []
      : readLog(state, store, prev.op + 1, state.limits.entryBytesMax);
  send(step, from, { type: 'pulled', prev, entries, after });
}

export function handlePulled(
  step: Step,
  from: number,
  incarnation: number,
  { prev, entries, after }: Pulled,
): void {
  const { state } = step;
  const pull = state.election?.pull ?? null;
  // Another incarnation has another log.
  if (state.election?.joins.get(from)?.incarnation !== incarnation) return;
  if (pull === null || pull.from !== from || pull.chunksWanted.size > 0) return;
  if (prev === null) {
    // A late answer says nothing about what is asked for now.
    if (after !== undefined && after !== pull.after) return;
    // Its log does not reach back to where this one could meet it: another member must lead.
    beginInstall(step, from);
    return;
  }
  if (prev.op !== pull.after) return;
  pull.sentAt = null;
  const meetsAt = whereLogsMeet(step, prev);
  if (meetsAt !== prev.op) {
    pull.after = meetsAt;
    return;
  }
  const { verified, missing } = takeEntries(step, prev, entries);
  pull.after = verified;
  for (const hash of missing.slice(0, CHUNKS_AT_ONCE)) pull.chunksWanted.add(hash);
}

export function handleFetchChunk(step: Step, from: number, hash: string): void {
  send(step, from, { type: 'fetchedChunk', hash, bytes: step.store.chunk(hash) ?? null });
}

export function handleFetchedChunk(
  step: Step,
  { hash, bytes }: Extract<MessageBody, { type: 'fetchedChunk' }>,
): void {
  if (bytes !== null) handleFetchedForInstall(step, hash, bytes);
  const pull = step.state.election?.pull;
  if (bytes === null || !pull?.chunksWanted.delete(hash)) return;
  storeChunk(step, hash, bytes);
  if (pull.chunksWanted.size === 0) pull.sentAt = null;
}
