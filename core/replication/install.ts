// The receiver's side of a snapshot. From its first part to the last its rows are a mixture: it serves nothing, applies
// nothing and cannot lead, across reboots and views; what it voted for stays in its log, and it reports that log's end.
// Each part replaces its range of the state, so that a new attempt, from whatever source, begins anew over the remains
// of the last; the step that takes in the last part switches over.
import type { Message, MessageBody } from './messages.ts';
import { viewstampAt } from './op-log.ts';
import { takeWrites } from './overlay.ts';
import { forsakeIfReplaced } from './readmission.ts';
import type { ReplicaState } from './replica-state.ts';
import { chunksOfWrites, storeChunk } from './requests.ts';
import { holdsChunk, type Step, send } from './step.ts';
import { sameViewstamp } from './viewstamp.ts';

type SnapshotPart = Extract<MessageBody, { type: 'snapshotPart' }>;
type InstallFrom = Extract<MessageBody, { type: 'installFrom' }>;

const CHUNKS_AT_ONCE = 4;
/** Without any progress for so long the source is given up: the primary names another. */
const STUCK_MS = 3_000;
/** The same when so many questions in a row could not be delivered. */
const FAILURES_MAX = 3;
/** Without progress for so long the source is left for another one that the primary names. */
const SLOW_MS = 1_000;

/**
 * The primary's log begins after what this member has: it must have a snapshot. Says how that stands, or, where enough
 * is applied meanwhile, from where its log goes on.
 */
export function handleInstallFrom(step: Step, from: number, { source, firstOp }: InstallFrom): void {
  const { state } = step;
  if (!state.isInstalling && state.head.applied >= firstOp - 1) {
    send(step, from, { type: 'prepareNack', lastOp: state.head.applied, missingChunks: [] });
    return;
  }
  beginInstall(step, source);
  send(step, from, installing(state));
}

/** How that stands: what it will show, and who gave nothing. */
export function installing({
  install,
  silentSource,
}: ReplicaState): Extract<MessageBody, { type: 'installing' }> {
  return { type: 'installing', at: install?.at ?? null, silent: silentSource };
}

/** Goes on with the source it has, if any. */
export function beginInstall(step: Step, source: number): void {
  const { state, nowMs } = step;
  if (!state.isInstalling) {
    state.isInstalling = true;
    state.snapshot = null;
    step.writes.push({ type: 'installing' });
  }
  const { install } = state;
  const isSlow = install !== null && install.source !== source && nowMs - install.movedAt >= SLOW_MS;
  if ((install !== null && !isSlow) || source === state.identity.memberId) return;
  state.install = {
    source,
    id: null,
    at: null,
    after: null,
    sentAt: null,
    movedAt: nowMs,
    failures: 0,
    chunksWanted: new Set(),
  };
}

/** Another one is to be named at once. Does nothing where it is no source. */
export function giveUpSource(state: ReplicaState, member: number): void {
  if (state.install?.source !== member) return;
  state.silentSource = member;
  state.install = null;
}

/** A view is left: its primary is no source any more, and what was asked of another one in it is asked again. */
export function askInNextView(state: ReplicaState, primary: number): void {
  giveUpSource(state, primary);
  if (state.install !== null) state.install.sentAt = null;
}

/** At every step's end: asks for what is next, unless an answer is on its way. */
export function driveInstall(step: Step): void {
  const { state, nowMs } = step;
  const { install, limits } = state;
  if (install === null) return;
  if (nowMs - install.movedAt >= STUCK_MS || install.failures >= FAILURES_MAX) {
    giveUpSource(state, install.source);
    return;
  }
  if (install.sentAt !== null && nowMs - install.sentAt < limits.answerTimeoutMs) return;
  install.sentAt = nowMs;
  if (install.chunksWanted.size === 0) {
    const { id, after, source } = install;
    // What is committed beyond that stands in the own log.
    send(step, source, { type: 'snapshotAsk', id, after, atLeast: state.log.before.op });
  }
  for (const hash of install.chunksWanted) send(step, install.source, { type: 'fetchChunk', hash });
}

/** A question could not be delivered: asked again soon. */
export function onAskFailed({ state, nowMs }: Step, { to, body }: Message): void {
  const { install, limits } = state;
  if (install === null || to !== install.source) return;
  if (body.type !== 'snapshotAsk' && body.type !== 'fetchChunk') return;
  install.failures += 1;
  install.sentAt = nowMs - limits.answerTimeoutMs + limits.changeResendMs;
}

export function installDueAt({ install, limits }: ReplicaState): number {
  if (install === null) return Infinity;
  return Math.min((install.sentAt ?? -Infinity) + limits.answerTimeoutMs, install.movedAt + STUCK_MS);
}

export function handleSnapshotPart(step: Step, from: number, part: SnapshotPart): void {
  const { state, nowMs } = step;
  const { install } = state;
  const isNext = install?.source === from && install.after === part.after && install.chunksWanted.size === 0;
  if (!isNext || (install.id !== null && install.id !== part.id)) return;
  if (part.at.op < state.log.before.op) {
    // Older than what the own log could go on from: another source will know more.
    state.install = null;
    return;
  }
  install.id = part.id;
  install.at = part.at;
  install.movedAt = nowMs;
  install.failures = 0;
  state.silentSource = null;
  const missing = chunksOfWrites(part.writes).filter((hash) => !holdsChunk(step, hash));
  if (missing.length > 0) {
    for (const hash of missing.slice(0, CHUNKS_AT_ONCE)) install.chunksWanted.add(hash);
    install.sentAt = null;
    return;
  }
  step.writes.push({ type: 'replaceRange', after: part.after, to: part.to, writes: part.writes });
  install.after = part.to;
  install.sentAt = null;
  if (part.end === null) return;
  // A source of an earlier version knows of no readmissions, and there were none.
  const head = { ...part.end.head, incarnations: part.end.head.incarnations ?? [] };
  switchOver(step, from, { ...part.end, head });
}

export function handleFetchedForInstall(step: Step, hash: string, bytes: Uint8Array): void {
  const { install } = step.state;
  if (!install?.chunksWanted.delete(hash)) return;
  storeChunk(step, hash, bytes);
  install.movedAt = step.nowMs;
  if (install.chunksWanted.size === 0) install.sentAt = null;
}

/** The source has another life or snapshot by now, or none yet: from the start. */
export function handleSnapshotNone(step: Step, from: number, id: string | null): void {
  const { install, limits } = step.state;
  if (install?.source !== from || install.id !== id) return;
  Object.assign(install, { id: null, after: null, at: null });
  install.chunksWanted.clear();
  install.sentAt = step.nowMs - limits.answerTimeoutMs + limits.changeResendMs;
}

/**
 * From here on this member is one like the others, with the state at c. Of its log it keeps what follows c if it holds
 * the very op c: it may have voted for that. Where it does not, its log contradicts what is committed, and so nothing
 * that follows there can ever have been. What it knows to be committed beyond c it applies again, from the next step
 * on: in this one the store still shows the mixture.
 */
function switchOver(step: Step, from: number, { head, at, floor }: NonNullable<SnapshotPart['end']>): void {
  const { state, store } = step;
  const own = viewstampAt(state, store, at.op);
  const keepsSuffix = own !== undefined && sameViewstamp(own, at);
  // The disk forgets nothing that it knew to be committed.
  const commit = Math.max(head.commit, state.head.commit, state.heldCommit);
  step.writes.push({ type: 'installed', head: { ...head, commit }, at, floor, keepsSuffix });
  step.switchedOver = true;
  const { log } = state;
  const kept = keepsSuffix ? store.logPlaces(at.op + 1, log.last.op - at.op) : [];
  log.before = at;
  log.tail.splice(0, log.tail.length, ...log.tail.filter(({ entry }) => keepsSuffix && entry.op > at.op));
  log.bytes = kept.reduce((sum, { bytes }) => sum + bytes, 0);
  if (kept.length === 0) {
    log.last = at;
    log.lastT = head.appliedT;
    log.tail.length = 0;
  }
  log.readmissions = log.readmissions.filter(({ op }) => keepsSuffix && op > at.op);
  Object.assign(state.head, head);
  state.boundKnownAt = null;
  forsakeIfReplaced(step);
  state.floor = floor;
  state.appliedView = at.view;
  takeWrites(state.overlay);
  state.forgotAt = head.applied;
  state.isInstalling = false;
  state.install = null;
  state.heldCommit = commit;
  // A new primary goes on from here, not from where it was.
  if (state.election !== null) state.election.pull = null;
  // The primary may be at rest, and is to go on with the log.
  step.wantsProbe = true;
  send(step, from, { type: 'snapshotDone' });
}
