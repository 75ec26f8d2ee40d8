// Messages from other members: who may speak, what is refused and why, and where the rest goes. Nothing of a refused
// message is applied.
import { handleChunk, handlePrepare, isWellFormed } from './backup.ts';
import { hearBound } from './bound.ts';
import { advanceCommit, armBatch } from './commit.ts';
import { handleConfirm, handleConfirmOk } from './confirm-round.ts';
import { handleExitView, handleExitViewOk } from './exit-view.ts';
import { handleProbe, handleProbeOk, noteEvidence, suspect } from './failure-detector.ts';
import { giveUpSource, handleInstallFrom, handleSnapshotNone, handleSnapshotPart } from './install.ts';
import { ANSWERS, FROM_PRIMARY, type Message, PROTOCOLS_UNDERSTOOD, type Refusal } from './messages.ts';
import {
  failPeer,
  hearFromPeer,
  onInstalling,
  onPrepareNack,
  onPrepareOk,
  pumpPeer,
  renewPeer,
} from './peers.ts';
import { handleFetchChunk, handleFetchedChunk, handlePull, handlePulled } from './pull-log.ts';
import { primaryOf } from './quorum.ts';
import { handleAskReadmission, isAdmitted, newestIncarnation } from './readmission.ts';
import type { PrimaryState } from './replica-state.ts';
import { handleQuiesce, handleQuiesceOk, wake } from './rest.ts';
import { handleHello, handleHelloOk, noteSeen } from './rollback-alarm.ts';
import { handleSnapshotAsk, handleSnapshotDone } from './snapshot-source.ts';
import { compareHashes, handleQuarantine } from './state-hash.ts';
import { type Step, send } from './step.ts';
import {
  forgetOlderJoin,
  handleJoinView,
  handleJoinViewOk,
  promiseView,
  viewHasStarted,
} from './view-change.ts';

export function handleMessage(step: Step, message: Message): void {
  const { state } = step;
  const { body } = message;
  const refusal = refuse(step, message);
  if (refusal !== null) {
    // Answers are never answered: two members would refuse each other for ever.
    if (!ANSWERS.has(body.type)) send(step, message.from, { type: 'refuse', reason: refusal });
    return;
  }
  if (body.type === 'hello' || body.type === 'helloOk') {
    // Of any view, and nothing is done for it: a member that was set back must hear it before it votes.
    if (body.type === 'hello') handleHello(step, message.from);
    else handleHelloOk(step, body);
    return;
  }
  noteSeen(state, message);
  if (!ANSWERS.has(body.type) && body.type !== 'quiesce') wake(step);
  if (message.view > state.view) promiseView(step, message.view);
  if (FROM_PRIMARY.has(body.type) && state.joining !== null) viewHasStarted(step);
  if (FROM_PRIMARY.has(body.type) && !('isHeard' in body && body.isHeard === false)) noteEvidence(step);
  const { primary } = state;
  forgetOlderJoin(state, message.from, message.incarnation);
  if (!isAdmitted(state)) handleAsLost(step, message);
  else if (primary === null) handleAsBackup(step, message);
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
  if (message.incarnation < newestIncarnation(step.state, from)) return 'old-incarnation';
  if (peer !== undefined && message.incarnation < peer.incarnation) return 'old-incarnation';
  if (body.type === 'hello' || body.type === 'helloOk') return null;
  if (!Number.isSafeInteger(message.view) || message.view < 0) return 'malformed';
  if (message.view < view) return 'old-view';
  const leader = primaryOf(message.view, memberCount);
  if (FROM_PRIMARY.has(body.type) && leader !== from) return 'malformed';
  if (body.type === 'joinView' && leader !== memberId) return 'malformed';
  if (body.type === 'prepare' && !isWellFormed(message, body)) return 'malformed';
  return null;
}

/** As one that takes the state in and has no vote: whatever needs one, or its log, is refused. */
function handleAsLost(step: Step, { from, incarnation, body }: Message): void {
  switch (body.type) {
    case 'prepare':
      handlePrepare(step, from, body);
      break;
    case 'installFrom':
      handleInstallFrom(step, from, body);
      break;
    case 'snapshotPart':
      handleSnapshotPart(step, from, body);
      break;
    case 'snapshotNone':
      handleSnapshotNone(step, from, body.id);
      break;
    case 'fetchedChunk':
      handleFetchedChunk(step, body);
      break;
    case 'chunk':
    case 'fetchChunk':
    case 'probe':
    case 'exitView':
      handleAnywhere(step, from, incarnation, body);
      break;
    case 'askReadmission':
      handleAskReadmission(step, from, incarnation);
      break;
    case 'refuse':
      hearRefusal(step, from, body.reason);
      break;
    case 'joinView':
    case 'pull':
    case 'snapshotAsk':
      send(step, from, { type: 'refuse', reason: 'lost' });
      break;
    default:
  }
}

/** Whoever holds a readmission of this member has no use for an earlier incarnation. */
function hearRefusal({ state }: Step, from: number, reason: Refusal): void {
  if (reason === 'lost') {
    giveUpSource(state, from);
    if (from === primaryOf(state.view, state.identity.memberCount)) state.watch.isRefuted = true;
  }
  if (reason === 'old-incarnation') state.loss.isForsaken = true;
}

/** Of a view that has not started, or as a backup. */
function handleAsBackup(step: Step, message: Message): void {
  const { from, incarnation, body } = message;
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
      handleJoinView(step, from, incarnation, body.last);
      break;
    case 'joinViewOk':
      handleJoinViewOk(step);
      break;
    case 'pulled':
      handlePulled(step, from, incarnation, body);
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
      hearRefusal(step, from, body.reason);
      break;
    case 'prepareOk':
    case 'learnt':
    case 'prepareNack':
    case 'confirmOk':
    case 'quiesceOk':
    case 'chunkOk':
    case 'installing':
      break;
    case 'hello':
    case 'helloOk':
      break;
    default:
      handleAnywhere(step, from, incarnation, body);
  }
}

function handleAsPrimary(step: Step, primary: PrimaryState, { from, incarnation, body }: Message): void {
  const { state, nowMs } = step;
  const peer = primary.peers.find(({ member }) => member === from);
  if (peer === undefined) return;
  if (incarnation > peer.incarnation) renewPeer(state, peer, incarnation);
  hearFromPeer(state, peer, nowMs);
  switch (body.type) {
    case 'learnt':
      if (body.op <= state.log.last.op) onPrepareOk(state, peer, body.op, body.commit);
      break;
    case 'prepareOk':
      if (body.op > state.log.last.op || incarnation !== newestIncarnation(state, from)) break;
      onPrepareOk(state, peer, body.op, body.commit);
      peer.isVoter = true;
      peer.isRead = body.isRead === true;
      advanceCommit(step, primary);
      armBatch(step, primary);
      break;
    case 'prepareNack':
      onPrepareNack(step, peer, body.lastOp, body.missingChunks);
      break;
    case 'installing':
      onInstalling(peer, body, nowMs);
      break;
    case 'confirmOk':
      if (incarnation !== newestIncarnation(state, from)) return;
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
      hearRefusal(step, from, body.reason);
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
    case 'askReadmission':
      handleAskReadmission(step, from, incarnation);
      break;
    case 'hello':
    case 'helloOk':
    case 'joinViewOk':
    case 'pulled':
    case 'snapshotPart':
    case 'snapshotNone':
    case 'fetchedChunk':
    case 'probeOk':
      return;
    default:
      handleAnywhere(step, from, incarnation, body);
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
      | 'boundNews'
      | 'askReadmission';
  }
>;

function handleAnywhere(step: Step, from: number, incarnation: number, body: AnywhereBody): void {
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
    case 'askReadmission':
      handleAskReadmission(step, from, incarnation);
      break;
    default:
      body satisfies never;
  }
}
