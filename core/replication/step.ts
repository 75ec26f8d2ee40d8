// One step while it runs: what it wants written and sent. `finishStep` turns that into effects, with everything
// applied so far in the one transaction, and holds the rule about votes in one place.
import type { Effect } from './effects.ts';
import { forgetWrites } from './forget.ts';
import type { ClientAnswer, Message, MessageBody, TimerName } from './messages.ts';
import { protocolOf } from './messages.ts';
import { trimTail } from './op-log.ts';
import { takeWrites } from './overlay.ts';
import type { ReplicaState } from './replica-state.ts';
import type { ReplicaStore, Write } from './store.ts';

export interface Step {
  readonly state: ReplicaState;
  readonly store: ReplicaStore;
  readonly nowMs: number;
  readonly writes: Write[];
  readonly outputs: Effect[];
  /** Chunks among the writes: held, though the store does not show them yet. */
  readonly chunksWritten: Set<string>;
  /** A snapshot became the state: the store shows it from the next step on, and nothing is applied before. */
  switchedOver: boolean;
  /** This step sends something that counts toward a quorum. */
  votes: boolean;
  /** The member woke: it asks the primary, unless that spoke first. */
  wantsProbe: boolean;
  /** The primary woke: a confirm round tells the others. */
  wantsRound: boolean;
  /** Persist what is applied even if nothing else is written. */
  flush: boolean;
  /** Look for unreferenced chunks, after all other writes. */
  sweepStagedBefore: number | null;
}

export function beginStep(state: ReplicaState, store: ReplicaStore, nowMs: number): Step {
  return {
    state,
    store,
    nowMs,
    writes: [],
    outputs: [],
    chunksWritten: new Set(),
    switchedOver: false,
    votes: false,
    wantsProbe: false,
    wantsRound: false,
    flush: false,
    sweepStagedBefore: null,
  };
}

export function send(step: Step, to: number, body: MessageBody): void {
  const { identity, view } = step.state;
  const message: Message = {
    protocol: protocolOf(body),
    groupId: identity.groupId,
    epoch: identity.epoch,
    from: identity.memberId,
    to,
    incarnation: identity.incarnation,
    view,
    body,
  };
  step.outputs.push({ type: 'send', message });
}

/** A message that counts toward a quorum: it leaves only behind a durable write of this very step (R0). */
export function sendVote(step: Step, to: number, body: MessageBody): void {
  step.votes = true;
  send(step, to, body);
}

export function reply(step: Step, id: number, answer: ClientAnswer): void {
  step.outputs.push({ type: 'reply', id, answer });
}

export function setTimer(step: Step, name: TimerName, afterMs: number | null): void {
  step.outputs.push({ type: 'setTimer', name, afterMs });
}

export function holdsChunk(step: Step, hash: string): boolean {
  return step.chunksWritten.has(hash) || step.store.hasChunk(hash);
}

/** It should never have voted, and says nothing more: its next life knows so too, whatever comes of the effect. */
function giveUp({ state, outputs }: Step): Effect[] {
  const { incarnation } = state.identity;
  const told = outputs.filter(({ type }) => type === 'event');
  return [{ type: 'persist', writes: [{ type: 'forsaken', incarnation }] }, ...told, { type: 'lost' }];
}

/**
 * Effects in order: the one `persist`, then the rest. Applied rows wait until they are many, and then ride along
 * with whatever is written: a row that is written again before that is written once, and each costs less among others.
 * Alone they are written only when asked for or when the overlay is full. A superseded instance cannot write, so a vote that
 * needed nothing written still touches a row: the output gate then never lets it out.
 */
export function finishStep(step: Step): Effect[] {
  const { state, writes } = step;
  const { overlay, limits } = state;
  if (state.loss.isForsaken) return giveUp(step);
  const isFull = overlay.changes > limits.overlayRowsMax || overlay.bytes > limits.overlayBytesMax;
  const isDue = overlay.isOverdue || overlay.ops > limits.overlayOpsMax;
  const writesAnyway = writes.length > 0 || step.votes || step.sweepStagedBefore !== null;
  if (overlay.ops > 0 && (step.flush || isFull || (isDue && writesAnyway))) {
    writes.push(...takeWrites(overlay), { type: 'applied', ...state.head }, ...forgetWrites(step));
  }
  if (step.sweepStagedBefore !== null) {
    writes.push({ type: 'sweepChunks', stagedBefore: step.sweepStagedBefore });
  }
  if (step.votes && writes.length === 0) writes.push({ type: 'touch' });
  trimTail(state);
  return writes.length === 0 ? step.outputs : [{ type: 'persist', writes }, ...step.outputs];
}
