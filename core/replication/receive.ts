// Messages from other members: who may speak, what is refused and why, and where the rest goes. Nothing of a refused
// message is applied.
import { handleChunk, handlePrepare, isWellFormed } from './backup.ts';
import { hearBound } from './bound.ts';
import { advanceCommit, armBatch } from './commit.ts';
import { handleConfirm, handleConfirmOk } from './confirm-round.ts';
import { handleExitView, handleExitViewOk } from './exit-view.ts';
import { handleProbe, handleProbeOk, noteEvidence, suspect } from './failure-detector.ts';
import { handleInstallFrom, handleSnapshotNone, handleSnapshotPart } from './install.ts';
import { ANSWERS, FROM_PRIMARY, type Message, PROTOCOLS_UNDERSTOOD, type Refusal } from './messages.ts';
import { failPeer, onInstalling, onPrepareNack, onPrepareOk, pumpPeer } from './peers.ts';
import { handleFetchChunk, handleFetchedChunk, handlePull, handlePulled } from './pull-log.ts';
import { primaryOf } from './quorum.ts';
import type { Peer, PrimaryState } from './replica-state.ts';
import { handleQuiesce, handleQuiesceOk, wake } from './rest.ts';
import { handleSnapshotAsk, handleSnapshotDone } from './snapshot-source.ts';
import { compareHashes, handleQuarantine } from './state-hash.ts';
import { type Step, send } from './step.ts';
import { handleJoinView, handleJoinViewOk, promiseView, viewHasStarted } from './view-change.ts';

export function handleMessage(step: Step, message: Message): void {
  const { state } = step;
  const { body } = message;
  const refusal = refuse(step, message);
  if (refusal !== null) {
    // Answers are never answered: two members would refuse each other for ever.
    if (!ANSWERS.has(body.type)) send(step, message.from, { type: 'refuse', reason: refusal });
    return;
  }
  if (!ANSWERS.has(body.type) && body.type !== 'quiesce') wake(step);
  if (message.view > state.view) promiseView(step, message.view);
  if (FROM_PRIMARY.has(body.type) && state.joining !== null) viewHasStarted(step);
  if (FROM_PRIMARY.has(body.type) && !('isHeard' in body && body.isHeard === false)) noteEvidence(step);
  const { primary } = state;
  if (primary === null) handleAsBackup(step, message);
  else handleAsPrimary(step, primary, message);
}

function refuse(step: Step, message: Message): Refusal | null {
  const { identity, view, primary } = step.state;
  const { memberId, memberCount, groupId } = identity;
  const { from, body } = message;
  if (!PROTOCOLS_UNDERSTOOD.has(message.protocol)) return 'unknown-protocol';
  if (message.groupId !== groupId) return 'unknown-group';
  const isMember = Number.isInteger(from) && from >= 0 && from < memberCount && from !== memberId;
  if (!isMember || message.to !== memberId) return 'unknown-member';
  const peer = primary?.peers.find(({ member }) => member === from);
  if (peer !== undefined && message.incarnation < peer.incarnation) return 'old-incarnation';
  if (!Number.isSafeInteger(message.view) || message.view < 0) return 'malformed';
  if (message.view < view) return 'old-view';
  const leader = primaryOf(message.view, memberCount);
  if (FROM_PRIMARY.has(body.type) && leader !== from) return 'malformed';
  if (body.type === 'joinView' && leader !== memberId) return 'malformed';
  if (body.type === 'prepare' && !isWellFormed(message, body)) return 'malformed';
  return null;
}

/** Of a view that has not started, or as a backup. */
function handleAsBackup(step: Step, message: Message): void {
  const { from, body } = message;
  switch (body.type) {
    case 'prepare':
      handlePrepare(step, from, body);
      break;
    case 'confirm':
      handleConfirm(step, from, body);
      break;
    case 'quiesce':
      handleQuiesce(step, from, body.commit);
      break;
    case 'joinView':
      handleJoinView(step, from, body.last);
      break;
    case 'joinViewOk':
      handleJoinViewOk(step);
      break;
    case 'pulled':
      handlePulled(step, from, body);
      break;
    case 'fetchedChunk':
      handleFetchedChunk(step, body);
      break;
    case 'probeOk':
      handleProbeOk(step, body);
      break;
    case 'installFrom':
      handleInstallFrom(step, from, body);
      break;
    case 'quarantine':
      handleQuarantine(step, body);
      break;
    case 'snapshotPart':
      handleSnapshotPart(step, from, body);
      break;
    case 'snapshotNone':
      handleSnapshotNone(step, from, body.id);
      break;
    case 'refuse':
      if (body.reason === 'lost') step.state.watch.isRefuted = true;
      break;
    case 'prepareOk':
    case 'prepareNack':
    case 'confirmOk':
    case 'quiesceOk':
    case 'chunkOk':
    case 'installing':
      break;
    default:
      handleAnywhere(step, from, body);
  }
}

function handleAsPrimary(step: Step, primary: PrimaryState, { from, incarnation, body }: Message): void {
  const { state, nowMs } = step;
  const peer = primary.peers.find(({ member }) => member === from);
  if (peer === undefined) return;
  if (incarnation > peer.incarnation) renewPeer(peer, incarnation);
  switch (body.type) {
    case 'prepareOk':
      if (body.op > state.log.last.op) break;
      onPrepareOk(state, peer, body.op, body.commit);
      peer.isRead = body.isRead === true;
      advanceCommit(step, primary);
      armBatch(step, primary);
      break;
    case 'prepareNack':
      onPrepareNack(step, peer, body.lastOp, body.missingChunks);
      break;
    case 'installing':
      onInstalling(peer, body.at, nowMs);
      break;
    case 'confirmOk':
      handleConfirmOk(step, primary, peer, body);
      compareHashes(step, primary);
      return;
    case 'quiesceOk':
      handleQuiesceOk(step, primary, from, body);
      return;
    case 'chunkOk':
      peer.chunksWanted.delete(body.hash);
      break;
    case 'refuse':
      // A member of this very view refused what was sent in an earlier one: late news.
      if (body.reason !== 'old-view') failPeer(state, peer, nowMs);
      break;
    case 'joinView':
      // The view has started already: it hears so with what it lacks.
      send(step, from, { type: 'joinViewOk' });
      peer.retryAt = 0;
      break;
    case 'prepare':
    case 'confirm':
    case 'quiesce':
    case 'installFrom':
    case 'quarantine':
      send(step, from, { type: 'refuse', reason: 'malformed' });
      return;
    case 'joinViewOk':
    case 'pulled':
    case 'snapshotPart':
    case 'snapshotNone':
    case 'fetchedChunk':
    case 'probeOk':
      return;
    default:
      handleAnywhere(step, from, body);
      return;
  }
  if (!state.isAtRest) pumpPeer(step, primary, peer);
}

type AnywhereBody = Extract<
  Message['body'],
  {
    type:
      | 'chunk'
      | 'probe'
      | 'exitView'
      | 'exitViewOk'
      | 'pull'
      | 'fetchChunk'
      | 'snapshotAsk'
      | 'snapshotDone'
      | 'boundNews';
  }
>;

function handleAnywhere(step: Step, from: number, body: AnywhereBody): void {
  switch (body.type) {
    case 'chunk':
      handleChunk(step, from, body);
      break;
    case 'probe':
      handleProbe(step, from);
      break;
    case 'exitView':
      handleExitView(step, from, body);
      suspect(step);
      break;
    case 'exitViewOk':
      handleExitViewOk(step, from, body.isFit);
      break;
    case 'pull':
      handlePull(step, from, body.after);
      break;
    case 'snapshotAsk':
      handleSnapshotAsk(step, from, body);
      break;
    case 'snapshotDone':
      handleSnapshotDone(step, from);
      break;
    case 'boundNews':
      hearBound(step, body, false);
      break;
    case 'fetchChunk':
      handleFetchChunk(step, from, body.hash);
      break;
    default:
      body satisfies never;
  }
}

/** A member with a new incarnation has a new storage: what its older one held no longer counts. */
function renewPeer(peer: Peer, incarnation: number): void {
  if (peer.incarnation > 0) {
    peer.verified = 0;
    peer.commit = 0;
  }
  peer.incarnation = incarnation;
}
