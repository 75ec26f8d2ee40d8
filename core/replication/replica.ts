// One member of a group as a function: what happened goes in, what must be done comes out, in order. No clock, no
// chance, no await: the same events give the same effects, so a simulator can play every fault there is.
//
// Sources: Liskov & Cowling, "Viewstamped Replication Revisited" (2012); Ongaro & Ousterhout, "Raft" (2014), for the
// rules of log and commit. Where this differs: docs/DIVERGENCES.md. The files follow the papers' sections: requests,
// commit and peers (the primary), backup, apply*, reads, leases, upkeep.

import { applyCommitted } from './apply.ts';
import { settleBound } from './bound.ts';
import { advanceCommit, appendQueued } from './commit.ts';
import { armHeartbeat, startWantedRound } from './confirm-round.ts';
import { expectDiscards } from './discard-state.ts';
import type { Effect } from './effects.ts';
import { watchOver } from './failure-detector.ts';
import { onAskFailed } from './install.ts';
import { assertInvariants } from './invariants.ts';
import type { ReplicaLimits } from './limits.ts';
import { CHUNK_LIFE_MS } from './limits.ts';
import type { ReplicaEvent } from './messages.ts';
import { onSendFailed } from './peers.ts';
import { isAdmitted } from './readmission.ts';
import { answerSessions } from './reads.ts';
import { handleMessage } from './receive.ts';
import { initialState, isNormal, type ReplicaState } from './replica-state.ts';
import { handleClients } from './requests.ts';
import { wake } from './rest.ts';
import { greet } from './rollback-alarm.ts';
import { beginStep, finishStep, type Step } from './step.ts';
import type { ReplicaStore } from './store.ts';
import { armResend, handleTimer } from './timers.ts';
import { armAlarm, handleAlarm, proposeEvictions } from './upkeep.ts';
import { beginJoining } from './view-change.ts';

export type { ReplicaState } from './replica-state.ts';

/** From the stored head, whose identity must be there. The first event of its life must be `boot`. */
export function createReplica(store: ReplicaStore, limits: Partial<ReplicaLimits> = {}): ReplicaState {
  return initialState(store, limits);
}

/**
 * One event, one step. Changes `state`; reads the store, which must show everything that earlier steps persisted;
 * returns what to do, in order (`effects.ts`). Throws only on a broken invariant: then nothing of the step may be
 * carried out, and the replica must be created anew from its store. `nowMs`: this object's clock, epoch ms.
 */
export function step(state: ReplicaState, store: ReplicaStore, event: ReplicaEvent, nowMs: number): Effect[] {
  // An earlier life has found out, and ended before it had a new incarnation.
  if (state.loss.isForsaken) return event.type === 'boot' ? [{ type: 'lost' }] : [];
  const current = beginStep(state, store, nowMs);
  handleEvent(current, event);
  watchOver(current);
  answerSessions(current);
  const { primary } = state;
  settleBound(current);
  if (primary !== null && !state.isAtRest) {
    appendQueued(current, primary);
    startWantedRound(current, primary);
    proposeEvictions(current, primary);
    armResend(current, primary);
    armHeartbeat(current, primary);
  }
  armAlarm(current);
  const effects = finishStep(current);
  if (!state.loss.isForsaken) assertInvariants(state);
  return effects;
}

function handleEvent(current: Step, event: ReplicaEvent): void {
  switch (event.type) {
    case 'boot':
      boot(current, event.nonce);
      break;
    case 'message':
      handleMessage(current, event.message);
      break;
    case 'client':
      handleClients(current, [event]);
      break;
    case 'clients':
      handleClients(current, event.clients);
      break;
    case 'sendFailed':
      if (current.state.primary !== null) onSendFailed(current, current.state.primary, event.message);
      else onAskFailed(current, event.message);
      break;
    case 'timer':
      handleTimer(current, event.name);
      break;
    case 'alarm':
      handleAlarm(current);
      break;
    default:
      event satisfies never;
  }
}

/**
 * Applies what the disk knows to be committed. A primary then tells its backups where its log ends, and is normal
 * once a majority holds that (at once when all of it was durably committed, or when it is alone).
 */
function boot(current: Step, nonce: string): void {
  const { state, store, nowMs } = current;
  const { primary, log, head } = state;
  state.nonce = nonce;
  state.watch.evidenceAt = nowMs;
  if (state.isInstalling) {
    // Nothing is applied to a mixture.
    state.heldCommit = head.commit;
    head.commit = head.applied;
  }
  applyCommitted(current, () => {});
  const chunkAt = store.newestChunkAt();
  // An older one was looked at when it was due; waking up is no reason to look again, for ever.
  if (chunkAt !== null && chunkAt + 2 * CHUNK_LIFE_MS > nowMs) state.sweepAt = chunkAt;
  if (log.last.view < state.view) beginJoining(current);
  if (isAdmitted(state)) greet(current);
  else if (state.identity.memberCount > 1) wake(current);
  if (primary === null) return;
  if (store.invalidationSpan() !== null) expectDiscards(primary, nowMs);
  advanceCommit(current, primary);
  primary.announced = head.commit;
  // A group of one never rests: it has no timers, and sleeps between its alarms.
  if (!isNormal(state) || primary.peers.length === 0) wake(current);
}
