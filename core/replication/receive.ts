// Messages from other members: who may speak, what is refused and why, and where the rest goes. Nothing of a refused
// message is applied.
import { handleChunk, handlePrepare, isWellFormed } from './backup.ts';
import { advanceCommit, armBatch } from './commit.ts';
import { ANSWERS, type Message, PROTOCOL_VERSION, type Refusal } from './messages.ts';
import { failPeer, onPrepareNack, onPrepareOk, pumpPeer } from './peers.ts';
import { primaryOf } from './quorum.ts';
import type { Peer, PrimaryState } from './replica-state.ts';
import { reply, type Step, send } from './step.ts';

export function handleMessage(step: Step, message: Message): void {
  const refusal = refuse(step, message);
  if (refusal !== null) {
    // Answers are never answered: two members would refuse each other for ever.
    if (!ANSWERS.has(message.body.type)) send(step, message.from, { type: 'refuse', reason: refusal });
    return;
  }
  if (message.view > step.state.view) adoptView(step, message.view);
  const { primary } = step.state;
  if (primary === null) handleAsBackup(step, message);
  else handleAsPrimary(step, primary, message);
}

function refuse(step: Step, message: Message): Refusal | null {
  const { identity, view, primary } = step.state;
  const { memberId, memberCount, groupId } = identity;
  const { from } = message;
  if (message.protocol !== PROTOCOL_VERSION) return 'unknown-protocol';
  if (message.groupId !== groupId) return 'unknown-group';
  const isMember = Number.isInteger(from) && from >= 0 && from < memberCount && from !== memberId;
  if (!isMember || message.to !== memberId) return 'unknown-member';
  const peer = primary?.peers.find(({ member }) => member === from);
  if (peer !== undefined && message.incarnation < peer.incarnation) return 'old-incarnation';
  if (!Number.isSafeInteger(message.view) || message.view < 0) return 'malformed';
  if (message.view < view) return 'old-view';
  const { body } = message;
  const mine = primaryOf(message.view, memberCount) === memberId;
  if (body.type === 'prepare') {
    const fromPrimary = primaryOf(message.view, memberCount) === from;
    if (!fromPrimary || !isWellFormed(message, body)) return 'malformed';
  }
  // Nobody can be ahead of this member in a view that it is the primary of.
  if (message.view > view && mine) return 'malformed';
  return null;
}

/**
 * A newer view is a promise: durable before anything is said in it. A primary that meets one is deposed; what it has
 * queued is handed back, what it has logged may still commit, so its callers hear nothing.
 */
function adoptView(step: Step, view: number): void {
  const { state } = step;
  const { primary, identity } = state;
  state.view = view;
  step.writes.push({ type: 'view', view });
  state.primary = null;
  if (primary === null) return;
  const answer = { type: 'not-primary', view, primary: primaryOf(view, identity.memberCount) } as const;
  for (const { clients } of primary.queue) for (const id of clients) reply(step, id, answer);
  for (const { id } of primary.waitingReads) reply(step, id, answer);
}

function handleAsBackup(step: Step, { from, body }: Message): void {
  switch (body.type) {
    case 'prepare':
      handlePrepare(step, from, body);
      break;
    case 'chunk':
      handleChunk(step, from, body);
      break;
    case 'prepareOk':
    case 'prepareNack':
    case 'chunkOk':
    case 'refuse':
      break;
    default:
      body satisfies never;
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
      advanceCommit(step, primary);
      armBatch(step, primary);
      break;
    case 'prepareNack':
      onPrepareNack(step, peer, body.lastOp, body.missingChunks);
      break;
    case 'chunkOk':
      peer.chunksWanted.delete(body.hash);
      break;
    case 'refuse':
      failPeer(state, peer, nowMs);
      break;
    case 'prepare':
    case 'chunk':
      send(step, from, { type: 'refuse', reason: 'malformed' });
      return;
    default:
      body satisfies never;
  }
  pumpPeer(step, primary, peer);
}

/** A member with a new incarnation has a new storage: what its older one held no longer counts. */
function renewPeer(peer: Peer, incarnation: number): void {
  if (peer.incarnation > 0) {
    peer.verified = 0;
    peer.commit = 0;
  }
  peer.incarnation = incarnation;
}
