// The backup's side of the normal case: verify that the prepare continues the log, write what is new, say how far
// that goes. Sources: Liskov & Cowling 2012 §4.1; Ongaro & Ousterhout 2014 §5.3 for the log's rules.
import { applyCommitted } from './apply.ts';
import { assert } from './assert.ts';
import { settleEcho } from './freshness.ts';
import { installing } from './install.ts';
import type { LogEntry, Message, MessageBody } from './messages.ts';
import { appendToLog, truncateSuffix, viewstampAt } from './op-log.ts';
import { isAdmitted } from './readmission.ts';
import { chunksOf, storeChunk } from './requests.ts';
import { mayApply } from './snapshot-source.ts';
import { holdsChunk, type Step, send, sendVote } from './step.ts';
import { sameViewstamp, type Viewstamp } from './viewstamp.ts';

type Prepare = Extract<MessageBody, { type: 'prepare' }>;

/**
 * Everything happens in this one step: append, commit index, applied rows and vote are one transaction. An entry that
 * names chunks not held here is neither written nor verified, nor is anything after it.
 */
export function handlePrepare(step: Step, from: number, prepare: Prepare): void {
  const { state } = step;
  if (state.isInstalling) {
    send(step, from, installing(state));
    return;
  }
  const meetsAt = whereLogsMeet(step, prepare.prev);
  if (meetsAt !== prepare.prev.op) {
    send(step, from, { type: 'prepareNack', lastOp: meetsAt, missingChunks: [] });
    return;
  }
  const { verified, missing } = takeEntries(step, prepare.prev, prepare.entries);
  // Never beyond what this prepare verified: what lies after it in this log may be a deposed primary's.
  state.heldCommit = Math.max(state.heldCommit, Math.min(prepare.commit, verified));
  applyHeld(step);
  // All of it is committed already: it does not come with more of its kind soon.
  if (prepare.commit >= verified) step.flush = true;
  if (missing.length > 0) send(step, from, { type: 'prepareNack', lastOp: verified, missingChunks: missing });
  else {
    const isRead = state.snapshot !== null;
    const { commit } = state.head;
    if (!isAdmitted(state)) {
      sendVote(step, from, { type: 'learnt', op: verified, commit });
      return;
    }
    sendVote(step, from, { type: 'prepareOk', op: verified, commit, ...(isRead && { isRead }) });
  }
}

/** What is known to be committed and verified here, unless a snapshot is being read out. */
export function applyHeld(step: Step): void {
  const { state } = step;
  if (step.switchedOver || !mayApply(state) || state.heldCommit <= state.head.commit) return;
  state.head.commit = state.heldCommit;
  applyCommitted(step, () => {});
  settleEcho(state);
}

/** `prev.op` if the logs agree there; otherwise the highest op that may be tried instead. */
export function whereLogsMeet(step: Step, prev: Viewstamp): number {
  const { log, head } = step.state;
  if (prev.op > log.last.op) return log.last.op;
  const own = viewstampAt(step.state, step.store, prev.op);
  // Cut from this log: applied, hence committed, hence the same everywhere (I1).
  if (own === undefined || sameViewstamp(own, prev)) return prev.op;
  assert(prev.op > head.commit, () => `committed op ${prev.op} is said to be of view ${prev.view}`);
  return head.commit;
}

/**
 * Skips what is there already, drops a suffix that the primary's log contradicts (only then: a short or late prepare
 * says nothing about what lies beyond it), appends the rest.
 */
export function takeEntries(
  step: Step,
  prev: Viewstamp,
  entries: readonly LogEntry[],
): { verified: number; missing: string[] } {
  const { state, store } = step;
  let verified = prev.op;
  const fresh: LogEntry[] = [];
  let missing: string[] = [];
  for (const entry of entries) {
    const cut = entry.op <= state.log.before.op;
    const present = cut || viewstampAt(state, store, entry.op)?.view === entry.view;
    if (!present || fresh.length > 0) {
      missing = entry.items
        .flatMap(({ command }) => chunksOf(command))
        .filter((hash) => !holdsChunk(step, hash));
      if (missing.length > 0) break;
      if (fresh.length === 0 && entry.op <= state.log.last.op) truncateSuffix(step, entry.op);
      fresh.push(entry);
    }
    verified = entry.op;
  }
  appendToLog(step, fresh);
  return { verified, missing: [...new Set(missing)] };
}

export function handleChunk(step: Step, from: number, chunk: Extract<MessageBody, { type: 'chunk' }>): void {
  storeChunk(step, chunk.hash, chunk.bytes);
  send(step, from, { type: 'chunkOk', hash: chunk.hash });
}

/** Whether the entries are a run of ops that continues `prev`, none of a later view than the message's. */
export function isWellFormed(message: Message, prepare: Prepare): boolean {
  let { op, view } = prepare.prev;
  let t = Number.NEGATIVE_INFINITY;
  if (!isCount(op) || !isCount(view) || !isCount(prepare.commit)) return false;
  for (const entry of prepare.entries) {
    if (entry.op !== op + 1 || entry.view < view || !(entry.t > t)) return false;
    ({ op, view, t } = entry);
  }
  return view <= message.view;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
