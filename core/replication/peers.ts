// What the primary sends its backups. While a backup keeps up it is streamed to, up to the window; after silence, a
// refusal or a gap it is probed: one prepare at a time, with backoff, until it is close to the log's end (as in etcd's
// progress states). A backup that needs more than the log holds waits for a snapshot.
import { isDeaf } from './failure-detector.ts';
import type { Message, MessageBody } from './messages.ts';
import { readLog, viewstampAt } from './op-log.ts';
import type { Peer, PrimaryState, ReplicaState } from './replica-state.ts';
import { type Step, send } from './step.ts';

/** Chunks sent to one backup at a time: it holds them in memory until they are durable. */
const CHUNKS_AT_ONCE = 4;
const INSTALL_EVERY_MS = 1_000;
/** A backup that was not heard for so long takes in no snapshot that the log must be kept for. */
const INSTALL_LIFE_MS = 60_000;

/** Sends the backup what it may be sent now: nothing, if it has everything or an answer is due. */
export function pumpPeer(step: Step, primary: PrimaryState, peer: Peer): void {
  const { state, nowMs } = step;
  if (peer.mode === 'behind') {
    sendInstall(step, primary, peer);
    return;
  }
  if (peer.chunksWanted.size > 0) return;
  if (peer.mode === 'probe') {
    const due = peer.outstanding.length === 0 && nowMs >= peer.retryAt;
    if (due && !isSettled(state, primary, peer)) sendPrepare(step, primary, peer);
    return;
  }
  while (peer.next <= state.log.last.op && peer.outstanding.length < state.limits.windowMax) {
    if (!sendPrepare(step, primary, peer)) return;
  }
  if (peer.outstanding.length === 0 && !isSettled(state, primary, peer)) sendPrepare(step, primary, peer);
}

export function pumpAll(step: Step, primary: PrimaryState): void {
  for (const peer of primary.peers) pumpPeer(step, primary, peer);
}

/** The backup holds the whole log and has applied what it was told is committed. */
export function isSettled(state: ReplicaState, primary: PrimaryState, peer: Peer): boolean {
  return peer.verified >= state.log.last.op && (peer.commit >= primary.announced || peer.isRead);
}

/** False: the log no longer reaches back to where this backup is. */
function sendPrepare(step: Step, primary: PrimaryState, peer: Peer): boolean {
  const { state, store, nowMs } = step;
  const prev = viewstampAt(state, store, peer.next - 1);
  if (prev === undefined) {
    peer.mode = 'behind';
    peer.outstanding = [];
    sendInstall(step, primary, peer);
    return false;
  }
  const entries =
    peer.next > state.log.last.op ? [] : readLog(state, store, peer.next, state.limits.entryBytesMax);
  const endOp = prev.op + entries.length;
  const isHeard = !isDeaf(state, primary, nowMs);
  send(step, peer.member, { type: 'prepare', prev, entries, commit: state.head.commit, isHeard });
  peer.outstanding.push({ startOp: peer.next, endOp, sentAt: nowMs });
  peer.next = endOp + 1;
  return true;
}

/** Tells a backup now and then that it must have a snapshot, and from whom: another backup, if one is up to date. */
function sendInstall(step: Step, primary: PrimaryState, peer: Peer): void {
  const { state, nowMs } = step;
  if (nowMs - peer.installAskedAt < INSTALL_EVERY_MS) return;
  peer.installAskedAt = nowMs;
  const others = primary.peers.filter(
    (other) => other !== peer && other.member !== peer.installAvoids && isUpToDate(state, other),
  );
  const source = others[0]?.member ?? state.identity.memberId;
  send(step, peer.member, { type: 'installFrom', source, firstOp: state.log.before.op + 1 });
}

function isUpToDate(state: ReplicaState, { mode, failures, verified, isVoter }: Peer): boolean {
  return (
    isVoter && mode === 'stream' && failures === 0 && state.log.last.op - verified <= state.limits.windowMax
  );
}

/** It takes a snapshot in; the log is kept from there on as long as it says so. */
export function onInstalling(
  peer: Peer,
  { at, silent = null }: Extract<MessageBody, { type: 'installing' }>,
  nowMs: number,
): void {
  peer.mode = 'behind';
  peer.outstanding = [];
  peer.failures = 0;
  peer.installHeardAt = nowMs;
  peer.installAt = at?.op ?? null;
  peer.installAvoids = silent;
}

/** The op behind which a backup will go on once its snapshot is complete; Infinity where none takes one in. */
export function heldForInstalls(primary: PrimaryState, nowMs: number): number {
  const held = primary.peers.map(({ mode, installAt, installHeardAt }) =>
    mode === 'behind' && installAt !== null && nowMs - installHeardAt < INSTALL_LIFE_MS
      ? installAt
      : Infinity,
  );
  return Math.min(Infinity, ...held);
}

/** A member with a new incarnation has a new storage: what its older one held no longer counts. */
export function renewPeer(state: ReplicaState, peer: Peer, incarnation: number): void {
  const isNew = peer.incarnation > 0;
  peer.incarnation = incarnation;
  if (!isNew) return;
  Object.assign(peer, { verified: 0, isVoter: false, commit: 0, next: state.log.last.op + 1, mode: 'probe' });
  Object.assign(peer, { outstanding: [], failures: 0, retryAt: 0, installAskedAt: 0, installAt: null });
  Object.assign(peer, { mark: null, clock: null, echo: null, isRead: false, isAtRest: false });
  peer.chunksWanted.clear();
}

/** The backup durably holds this view's log up to `op`, and has applied up to `commit`. */
export function onPrepareOk(state: ReplicaState, peer: Peer, op: number, commit: number): void {
  peer.verified = Math.max(peer.verified, op);
  peer.commit = Math.max(peer.commit, commit);
  peer.next = Math.max(peer.next, peer.verified + 1);
  peer.outstanding = peer.outstanding.filter((sent) => sent.endOp > op);
  peer.failures = 0;
  peer.retryAt = 0;
  if (peer.outstanding.length > 0) return;
  const keptUp = state.log.last.op - peer.verified <= 2 * state.limits.windowMax;
  if (peer.mode !== 'stream') peer.mode = keptUp ? 'stream' : 'probe';
}

/**
 * The prepare did not fit the backup's log, or names chunks it lacks: go back to where it says that they meet (never
 * before what it has verified: that is durable), and send the chunks first.
 */
export function onPrepareNack(step: Step, peer: Peer, lastOp: number, missing: readonly string[]): void {
  const { state, nowMs } = step;
  const asked = peer.outstanding[0];
  if (peer.mode === 'behind') {
    // It has a snapshot, or had enough: from there on the log will do.
    Object.assign(peer, { mode: 'probe', next: Math.min(lastOp, state.log.last.op) + 1, installAt: null });
    peer.outstanding = [];
    return;
  }
  if (asked === undefined) return;
  if (lastOp < peer.verified && missing.length === 0) {
    // Old news, or a disk that was set back: the member knows which.
    const seen = { incarnation: peer.incarnation, view: state.view, op: peer.verified };
    send(step, peer.member, { type: 'helloOk', seen });
  }
  const next = Math.max(peer.verified, Math.min(lastOp, state.log.last.op)) + 1;
  peer.outstanding = [];
  peer.mode = 'probe';
  peer.next = next;
  const wanted = missing.slice(0, CHUNKS_AT_ONCE);
  if (wanted.length === 0 && next >= asked.startOp) {
    // It asks for what it was just given: pause, lest the two of them run in circles.
    failPeer(state, peer, nowMs);
    return;
  }
  for (const hash of wanted) sendChunk(step, peer, hash);
}

function sendChunk(step: Step, peer: Peer, hash: string): void {
  const bytes = step.store.chunk(hash);
  if (bytes === undefined) return;
  peer.chunksWanted.add(hash);
  peer.chunksSentAt = step.nowMs;
  send(step, peer.member, { type: 'chunk', hash, bytes });
}

/** A message could not be delivered, or its answer got lost. Late news of an older attempt changes nothing. */
export function onSendFailed(step: Step, primary: PrimaryState, message: Message): void {
  const peer = primary.peers.find(({ member }) => member === message.to);
  if (peer === undefined || message.view !== step.state.view) return;
  const { body } = message;
  if (body.type === 'chunk') {
    if (peer.chunksWanted.has(body.hash)) failPeer(step.state, peer, step.nowMs);
  } else if (body.type === 'prepare') {
    const endOp = body.prev.op + body.entries.length;
    if (peer.outstanding.some((sent) => sent.endOp === endOp)) failPeer(step.state, peer, step.nowMs);
  }
}

/** Back to what is known to be there, and a pause that doubles with every attempt. */
export function failPeer(state: ReplicaState, peer: Peer, nowMs: number): void {
  const { backoffMinMs, backoffMaxMs } = state.limits;
  const first = peer.outstanding[0];
  if (first !== undefined) peer.next = Math.max(peer.verified + 1, first.startOp);
  peer.outstanding = [];
  peer.chunksWanted.clear();
  if (peer.mode === 'stream') peer.mode = 'probe';
  peer.failures += 1;
  peer.retryAt = nowMs + Math.min(backoffMinMs * 2 ** Math.min(peer.failures - 1, 16), backoffMaxMs);
}

/** It is there: whatever the pauses have come to, it is tried again soon. */
export function hearFromPeer(state: ReplicaState, peer: Peer, nowMs: number): void {
  peer.retryAt = Math.min(peer.retryAt, nowMs + state.limits.heartbeatMs);
}

/** Gives up on answers that are overdue. */
export function failOverdue(state: ReplicaState, peer: Peer, nowMs: number): void {
  const due = answerDueAt(state, peer);
  if (due !== null && due <= nowMs) failPeer(state, peer, nowMs);
}

/** When this backup needs the primary's attention; null = not before something else happens. */
export function attentionAt(state: ReplicaState, primary: PrimaryState, peer: Peer): number | null {
  const due = answerDueAt(state, peer);
  if (due !== null) return due;
  if (peer.mode === 'behind') return Math.max(peer.installAskedAt + INSTALL_EVERY_MS, peer.retryAt);
  return isSettled(state, primary, peer) ? null : peer.retryAt;
}

function answerDueAt(state: ReplicaState, peer: Peer): number | null {
  const { answerTimeoutMs } = state.limits;
  const first = peer.outstanding[0];
  if (first !== undefined) return first.sentAt + answerTimeoutMs;
  return peer.chunksWanted.size > 0 ? peer.chunksSentAt + answerTimeoutMs : null;
}
