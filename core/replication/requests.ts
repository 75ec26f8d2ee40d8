// What clients ask of this member. Only the primary answers; the others say who it is.

import { leavesStamp } from './apply-purge.ts';
import { type BoundNews, boundMaxMsOf, hearBound } from './bound.ts';
import type { Body, Command } from './commands.ts';
import { enqueue } from './commit.ts';
import { commandDigest } from './digest.ts';
import { isDeaf, isInDoubt, suspect } from './failure-detector.ts';
import { stillRemembers } from './forget.ts';
import { grantLease, releaseLease, renewLease, tokenOf } from './leases.ts';
import type { ClientAnswer, ClientRequest, Lease, NotReady } from './messages.ts';
import { readDedupe } from './overlay.ts';
import { handlePage } from './pages.ts';
import { primaryOf } from './quorum.ts';
import { isAdmitted, isMajorityLost } from './readmission.ts';
import { handleRead } from './reads.ts';
import { isNormal, type PrimaryState, type ReplicaState } from './replica-state.ts';
import { noteActivity, wake } from './rest.ts';
import { itemBytes } from './sizes.ts';
import { holdsChunk, reply, type Step, send } from './step.ts';
import type { Write } from './store.ts';

export interface Client {
  readonly id: number;
  readonly request: ClientRequest;
}

/** Commands are queued: those that arrive together share an entry where they fit. O(commands) and their reads. */
export function handleClients(step: Step, clients: readonly Client[]): void {
  const { primary } = step.state;
  const reason = whyUnable(step.state);
  wake(step);
  for (const { id, request } of clients) {
    if (request.type === 'suspect') handleSuspect(step, id, request.view);
    else if (request.type === 'bound') handleBound(step, id, request);
    else if (reason !== null) reply(step, id, { type: 'not-ready', reason });
    else if (request.type === 'read') handleRead(step, id, request);
    else if (request.type === 'page') handlePage(step, id, request);
    else if (primary === null) reply(step, id, notPrimary(step));
    else handleClient(step, primary, id, request);
  }
  if (primary !== null) noteActivity(step, primary);
}

/** Why nothing can be asked of this member at all. */
function whyUnable(state: ReplicaState): NotReady | null {
  if (isAdmitted(state)) return null;
  return isMajorityLost(state) ? 'majority-lost' : 'lost';
}

/** Nobody is sent to a primary that is in doubt, or that is yet to be one: whoever asks here again hears soon. */
export function notPrimary({ state, nowMs }: Step): ClientAnswer {
  const { identity, view, joining } = state;
  if (isMajorityLost(state)) return { type: 'not-ready', reason: 'majority-lost' };
  if (joining !== null || isInDoubt(state, nowMs)) return { type: 'not-ready', reason: 'recovering' };
  return { type: 'not-primary', view, primary: primaryOf(view, identity.memberCount) };
}

function handleSuspect(step: Step, id: number, suspectedView: number): void {
  const { state } = step;
  const { identity, view } = state;
  if (suspectedView === view) suspect(step);
  reply(step, id, { type: 'suspected', view, primary: primaryOf(view, identity.memberCount) });
}

function handleBound(step: Step, id: number, news: BoundNews): void {
  hearBound(step, news, true);
  reply(step, id, { type: 'heard' });
}

function handleClient(
  step: Step,
  primary: PrimaryState,
  id: number,
  request: Exclude<ClientRequest, { type: 'suspect' | 'bound' | 'read' | 'page' }>,
): void {
  const { state, nowMs } = step;
  switch (request.type) {
    case 'command':
      handleCommand(step, primary, id, request);
      break;
    case 'lease':
    case 'token': {
      if (!isNormal(state)) {
        reply(step, id, { type: 'not-ready', reason: 'recovering' });
        break;
      }
      const { type, key } = request;
      const lease: Lease =
        type === 'token'
          ? { type: 'granted', token: tokenOf(state, nowMs) }
          : grantLease(state, primary, key, nowMs);
      const bookmark = { view: state.appliedView, op: state.head.applied };
      reply(step, id, { type: 'lease', lease, bookmark, t: Math.max(nowMs, state.head.appliedT) });
      break;
    }
    case 'renew': {
      const renewed = renewLease(state, primary, request.key, request.token, nowMs);
      reply(step, id, { type: 'renewed', renewed });
      break;
    }
    case 'release':
      reply(step, id, { type: 'released', released: releaseLease(primary, request.key, request.token) });
      break;
    case 'stage':
      handleStage(step, primary, id, request);
      break;
    default:
      request satisfies never;
  }
}

/**
 * Queues the command, unless its outcome is known already. A request id that is on its way is waited for together;
 * with another command it is logged as well, and applying tells the mismatch.
 */
function handleCommand(
  step: Step,
  primary: PrimaryState,
  id: number,
  { reqId, command }: Extract<ClientRequest, { type: 'command' }>,
): void {
  const { state } = step;
  const { limits } = state;
  const item = { reqId, digest: commandDigest(command), command };
  const bytes = itemBytes(item);
  if (bytes > limits.itemBytesMax) {
    reply(step, id, { type: 'too-large', bytes, bytesMax: limits.itemBytesMax });
    return;
  }
  if (leavesStamp(command) && stampsKept(step) >= limits.invalidationsMax) {
    refuseAsFull(step, primary, id);
    return;
  }
  if (answerFromDedupe(step, id, reqId, item.digest)) return;
  if (isMajorityLost(state)) {
    reply(step, id, { type: 'not-ready', reason: 'majority-lost' });
    return;
  }
  const onItsWay = primary.pendingByReqId.get(reqId);
  if (onItsWay?.item.digest === item.digest) {
    onItsWay.clients.push(id);
    return;
  }
  if (!chunksOf(command).every((hash) => holdsChunk(step, hash))) {
    reply(step, id, { type: 'not-ready', reason: 'chunks-missing' });
    return;
  }
  if (primary.pendingCount >= limits.queueMax || primary.queueBytes + bytes > limits.queueBytesMax) {
    refuseAsFull(step, primary, id);
    return;
  }
  enqueue(primary, { item, bytes, clients: [id] });
}

/**
 * There is no room: whoever asked is to come back later, and here. Not where nobody is heard any more: the queue of
 * such a primary never empties, another one may be at work, and who asks the others finds it.
 */
function refuseAsFull(step: Step, primary: PrimaryState, id: number): void {
  const isHopeless = isDeaf(step.state, primary, step.nowMs);
  reply(step, id, isHopeless ? { type: 'not-ready', reason: 'recovering' } : { type: 'overloaded' });
}

/** Stamps of purges that were not carried out for good yet, those in memory only counted as new ones. */
function stampsKept({ state, store }: Step): number {
  const stored = Object.values(store.invalidationCounts()).reduce((sum, count) => sum + count, 0);
  return stored + state.overlay.invalidations.size;
}

/** An applied outcome answers a retry at once: it is committed, and the primary has told it or would have. */
function answerFromDedupe(step: Step, id: number, reqId: string, digest: string): boolean {
  const { state, store, nowMs } = step;
  if (reqId === '' || !isNormal(state)) return false;
  const known = readDedupe(state.overlay, store, reqId);
  const nextT = Math.max(state.log.lastT + 1, nowMs);
  if (known === undefined || !stillRemembers(known, state.log.last.op + 1, nextT)) return false;
  reply(step, id, {
    type: 'result',
    result: known.digest === digest ? known.result : { type: 'request-mismatch' },
    bookmark: { view: state.appliedView, op: state.head.applied },
    limitMs: boundMaxMsOf(state),
  });
  return true;
}

/** Durable here first; the backups get it on the way, and ask for it again should it not arrive. */
function handleStage(
  step: Step,
  primary: PrimaryState,
  id: number,
  { hash, bytes }: Extract<ClientRequest, { type: 'stage' }>,
): void {
  const { chunkBytesMax } = step.state.limits;
  if (bytes.byteLength > chunkBytesMax) {
    reply(step, id, { type: 'too-large', bytes: bytes.byteLength, bytesMax: chunkBytesMax });
    return;
  }
  storeChunk(step, hash, bytes);
  for (const peer of primary.peers) {
    if (peer.mode === 'stream') send(step, peer.member, { type: 'chunk', hash, bytes });
  }
  reply(step, id, { type: 'staged' });
}

export function storeChunk(step: Step, hash: string, bytes: Uint8Array): void {
  step.writes.push({ type: 'chunk', hash, bytes, stagedAt: step.nowMs });
  step.chunksWritten.add(hash);
  step.state.sweepAt ??= step.nowMs;
}

/** The chunks that rows among the writes name. */
export function chunksOfWrites(writes: readonly Write[]): readonly string[] {
  return writes.flatMap((write) => {
    if (write.type !== 'putRow') return [];
    const { body } = write.row.value;
    return body.type === 'chunks' ? body.hashes : [];
  });
}

/** The chunks that a command's body lies in. */
export function chunksOf(command: Command): readonly string[] {
  const body: Body | null = command.type === 'put' || command.type === 'fill' ? command.value.body : null;
  return body?.type === 'chunks' ? body.hashes : [];
}
