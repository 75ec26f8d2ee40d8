// The primary's side of the normal case: what is queued becomes one entry, an entry that a majority holds is
// committed, applied and answered. Group commit is what makes replication cheap: one entry, one transaction and one
// message per backup for all that arrived meanwhile. Source: Liskov & Cowling 2012, §4.1 (with batching, §6.2).
import { applyCommitted } from './apply.ts';
import { leavesStamp } from './apply-purge.ts';
import { assert } from './assert.ts';
import { boundMaxMsOf } from './bound.ts';
import type { Command, CommandResult } from './commands.ts';
import { isRoundDue } from './confirm-round.ts';
import { commandDigest } from './digest.ts';
import { expectDiscards } from './discard-state.ts';
import { noteFreshAsOf } from './freshness.ts';
import { releaseLease, revokeLease, revokeOlderLeases } from './leases.ts';
import type { LogEntry } from './messages.ts';
import { appendToLog, viewstampAt } from './op-log.ts';
import { pumpAll } from './peers.ts';
import { heldByQuorum } from './quorum.ts';
import { tellReadmitted } from './readmission.ts';
import { isNormal, type PendingItem, type PrimaryState, type ReplicaState } from './replica-state.ts';
import { chunksOf } from './requests.ts';
import { itemBytes } from './sizes.ts';
import { holdsChunk, reply, type Step, setTimer } from './step.ts';

/** Queues a command of the primary's own: no caller waits for it, no request id remembers it. */
export function propose(primary: PrimaryState, command: Command): void {
  const item = { reqId: '', digest: commandDigest(command), command };
  enqueue(primary, { item, bytes: itemBytes(item), clients: [] });
}

export function enqueue(primary: PrimaryState, pending: PendingItem): void {
  primary.queue.push(pending);
  primary.queueBytes += pending.bytes;
  primary.pendingCount += 1;
  const { reqId } = pending.item;
  if (reqId !== '' && !primary.pendingByReqId.has(reqId)) primary.pendingByReqId.set(reqId, pending);
}

/** Logs the first op of a new primary's own view; it is normal once that commits. */
export function startView(step: Step, primary: PrimaryState): void {
  const { state, nowMs } = step;
  const command: Command = { type: 'viewStart' };
  const items = [{ reqId: '', digest: commandDigest(command), command }];
  const t = Math.max(state.log.lastT + 1, nowMs);
  appendToLog(step, [{ op: state.log.last.op + 1, view: state.view, t, items }]);
  primary.recoverTo = state.log.last.op;
  primary.appendedAt.push({ op: state.log.last.op, at: nowMs });
}

/**
 * Logs what is queued, as far as the window allows, and sends it. The append is in this step's transaction and the
 * prepares leave behind it (R0b). While a `batch` timer is armed it does nothing: that turn will.
 */
export function appendQueued(step: Step, primary: PrimaryState): void {
  const { state, nowMs } = step;
  if (!isNormal(state) || primary.batchArmed) return;
  const mayStart = mayStartEntry(state, primary);
  while (mayStart && primary.queue.length > 0 && inFlight(state) < state.limits.windowMax) {
    const batch = takeBatch(state, primary).filter((pending) => keepsChunks(step, primary, pending));
    if (batch.length === 0) continue;
    const op = state.log.last.op + 1;
    const t = Math.max(state.log.lastT + 1, nowMs);
    appendToLog(step, [{ op, view: state.view, t, items: batch.map(({ item }) => item) }]);
    primary.pendingByOp.set(op, batch);
    primary.appendedAt.push({ op, at: nowMs });
    // A group of one is its own majority: committed here, answered behind this very transaction.
    if (primary.peers.length === 0) advanceCommit(step, primary);
  }
  pumpAll(step, primary);
}

/**
 * The first entry leaves at once, whatever it holds. While one is on its way another starts only with at least as many
 * commands: else the first of those that come back from an entry would leave alone, and the others after it, and there
 * would be many small entries, of which each costs every member a transaction.
 */
function mayStartEntry(state: ReplicaState, { queue, queueBytes, pendingByOp }: PrimaryState): boolean {
  const { entryItemsMax, entryBytesMax } = state.limits;
  const isFull = queue.length >= entryItemsMax || queueBytes >= entryBytesMax;
  const underWay = inFlight(state) === 0 ? 0 : (pendingByOp.get(state.log.last.op)?.length ?? 0);
  return isFull || queue.length >= underWay;
}

/** A command may have waited so long that its chunks were swept meanwhile: then it is not logged, and its callers hear. */
function keepsChunks(step: Step, primary: PrimaryState, pending: PendingItem): boolean {
  const { reqId, command } = pending.item;
  if (chunksOf(command).every((hash) => holdsChunk(step, hash))) return true;
  primary.pendingCount -= 1;
  if (primary.pendingByReqId.get(reqId) === pending) primary.pendingByReqId.delete(reqId);
  for (const id of pending.clients) reply(step, id, { type: 'not-ready', reason: 'chunks-missing' });
  return false;
}

function inFlight(state: ReplicaState): number {
  return state.log.last.op - state.head.commit;
}

function takeBatch(state: ReplicaState, primary: PrimaryState): PendingItem[] {
  const { entryItemsMax, entryBytesMax } = state.limits;
  let bytes = 0;
  let count = 0;
  for (const { bytes: more } of primary.queue) {
    if (count === entryItemsMax || (count > 0 && bytes + more > entryBytesMax)) break;
    bytes += more;
    count += 1;
  }
  primary.queueBytes -= bytes;
  return primary.queue.splice(0, count);
}

/**
 * Commits what a majority durably holds, the primary's own append included, provided that the last of it is of this
 * view; applies it and answers. Becoming normal after a boot is the same thing: the log's end at boot is committed.
 */
export function advanceCommit(step: Step, primary: PrimaryState): void {
  const { state, store, nowMs } = step;
  const { head, log } = state;
  const verified = primary.peers.map((peer) => (peer.isVoter ? peer.verified : 0));
  const held = heldByQuorum([log.last.op, ...verified]);
  if (held <= head.commit || viewstampAt(state, store, held)?.view !== state.view) return;
  // Nobody waits for a snapshot to be read out: whoever reads begins anew, elsewhere.
  state.snapshot = null;
  head.commit = held;
  applyCommitted(step, (entry, results) => answerApplied(step, primary, entry, results));
  primary.lastCommitAt = nowMs;
  noteFresh(state, primary, held);
  if (!primary.followArmed) {
    primary.followArmed = true;
    setTimer(step, 'follow', state.limits.followMs);
  }
}

/** A committed op of this view shows that this member was primary when it appended it. */
function noteFresh(state: ReplicaState, primary: PrimaryState, commit: number): void {
  const { appendedAt } = primary;
  const older = appendedAt.findIndex(({ op }) => op > commit);
  for (const { at } of appendedAt.splice(0, older < 0 ? appendedAt.length : older)) {
    primary.answeredAt = Math.max(primary.answeredAt, at);
    if (isNormal(state)) noteFreshAsOf(state, at);
  }
}

/** After answers have gone out, the next batch waits for the next turn: its transaction would hold them back. */
export function armBatch(step: Step, primary: PrimaryState): void {
  const isDue = primary.queue.length > 0 || isRoundDue(step.state, primary);
  if (!isDue || primary.batchArmed || !isNormal(step.state)) return;
  primary.batchArmed = true;
  setTimer(step, 'batch', 0);
}

function answerApplied(
  step: Step,
  primary: PrimaryState,
  entry: LogEntry,
  results: readonly CommandResult[],
): void {
  const bookmark = { view: entry.view, op: entry.op };
  for (const { command } of entry.items) {
    followLeases(primary, command, entry);
    if (command.type === 'readmit') tellReadmitted(step, command);
    if (leavesStamp(command)) expectDiscards(primary, step.nowMs);
  }
  const pending = primary.pendingByOp.get(entry.op);
  if (pending === undefined) return;
  primary.pendingByOp.delete(entry.op);
  primary.pendingCount -= pending.length;
  pending.forEach((waiting, index) => {
    const result = results[index];
    assert(result !== undefined, () => `item ${index} of op ${entry.op} has no result`);
    const { reqId, command } = waiting.item;
    if (primary.pendingByReqId.get(reqId) === waiting) primary.pendingByReqId.delete(reqId);
    if (command.type === 'evict') primary.evicting -= 1;
    if (command.type === 'discard') primary.discards.proposed -= 1;
    const limitMs = boundMaxMsOf(step.state);
    for (const id of waiting.clients) reply(step, id, { type: 'result', result, bookmark, limitMs });
  });
}

/** A fill ends its lease, accepted or not; what makes running fetches useless lets others begin anew. */
function followLeases(primary: PrimaryState, command: Command, entry: LogEntry): void {
  switch (command.type) {
    case 'fill':
      if (command.purges) revokeLease(primary, command.key, entry);
      else releaseLease(primary, command.key, command.token);
      break;
    case 'put':
    case 'delete':
    case 'increment':
      revokeLease(primary, command.key, entry);
      break;
    case 'purge':
      if (command.selector.type === 'url') revokeLease(primary, command.selector.key, entry);
      else if (command.selector.type !== 'namespace') revokeOlderLeases(primary, entry);
      break;
    case 'expire':
    case 'evict':
    case 'discard':
    case 'floor':
    case 'bound':
    case 'boundSettled':
    case 'readmit':
    case 'viewStart':
      break;
    default:
      command satisfies never;
  }
}
