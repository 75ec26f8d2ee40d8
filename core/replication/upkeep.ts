// Slow housekeeping, driven by the object's one alarm so that an idle group may sleep: expired rows and rows over
// the limit are removed through the log, chunks that nothing names are swept, and a backup that has long been
// unreachable is asked again.
import { boundSettlesAt } from './bound.ts';
import { armBatch, propose } from './commit.ts';
import { discardSome } from './discard.ts';
import { CHUNK_LIFE_MS } from './limits.ts';
import { pumpAll } from './peers.ts';
import { isNormal, type PrimaryState } from './replica-state.ts';
import { chunksOf } from './requests.ts';
import { wake } from './rest.ts';
import { type Step, setTimer } from './step.ts';
import type { RowHead } from './store.ts';

/** Rows whose removal is proposed in one go. */
const REMOVALS_MAX = 128;
/** Expiry is noticed by readers at once; the rows themselves go in batches this far apart. */
const EXPIRY_GRAIN_MS = 1_000;
const LOOK_AGAIN_MS = 5_000;

export function handleAlarm(step: Step): void {
  const { state, store, nowMs } = step;
  const { primary } = state;
  state.alarmAt = null;
  wake(step, true);
  if (state.sweepAt !== null && state.sweepAt + CHUNK_LIFE_MS <= nowMs && waitsWithChunks(primary)) {
    // What is not logged yet names nothing that a sweep would see.
    state.sweepAt = nowMs - CHUNK_LIFE_MS + LOOK_AGAIN_MS;
  } else if (state.sweepAt !== null && state.sweepAt + CHUNK_LIFE_MS <= nowMs) {
    step.sweepStagedBefore = nowMs - CHUNK_LIFE_MS;
    step.flush = true;
    const newestAt = store.newestChunkAt();
    state.sweepAt = newestAt !== null && newestAt + CHUNK_LIFE_MS > nowMs ? newestAt : null;
  }
  if (primary === null) return;
  if (isNormal(state) && primary.queue.length === 0) {
    for (const { key, variant, viewstamp } of store.expired(nowMs, REMOVALS_MAX)) {
      propose(primary, { type: 'expire', address: { key, variant }, viewstamp });
    }
  }
  // Looked for again soon: rows that the store does not show yet, and removals that may not commit.
  const again = primary.queue.length > 0 || state.overlay.changes > 0 || !isNormal(state);
  const next = store.nextExpiry(nowMs);
  state.nextExpiryAt = again ? Math.min(next ?? nowMs + LOOK_AGAIN_MS, nowMs + LOOK_AGAIN_MS) : next;
  discardSome(step, primary);
  pumpAll(step, primary);
}

function waitsWithChunks(primary: PrimaryState | null): boolean {
  return primary?.queue.some(({ item }) => chunksOf(item.command).length > 0) ?? false;
}

/** Proposes evictions while a kind of rows takes more than it may, one round at a time, for the next batch. */
export function proposeEvictions(step: Step, primary: PrimaryState): void {
  const { state, store } = step;
  const { head, limits } = state;
  const httpExcess = head.httpBytes - limits.httpBytesMax;
  const kvExcess = head.kvBytes - limits.kvBytesMax;
  if ((httpExcess <= 0 && kvExcess <= 0) || primary.evicting > 0 || !isNormal(state)) return;
  if (httpExcess > 0) evict(primary, store.evictable(httpExcess, REMOVALS_MAX), httpExcess);
  if (kvExcess > 0) evict(primary, store.evictablePairs(REMOVALS_MAX), kvExcess);
  if (primary.evicting > 0) armBatch(step, primary);
  else if (state.overlay.changes > 0 && !primary.batchArmed) {
    // What could go may not be in the store yet: it is looked at once it is there.
    step.flush = true;
    primary.batchArmed = true;
    setTimer(step, 'batch', 0);
  }
}

function evict(primary: PrimaryState, rows: readonly RowHead[], excessBytes: number): void {
  let excess = excessBytes;
  for (const { key, variant, viewstamp, bytes } of rows) {
    if (excess <= 0) break;
    propose(primary, { type: 'evict', address: { key, variant }, viewstamp });
    primary.evicting += 1;
    excess -= bytes;
  }
}

/** Sets the alarm earlier if something is due before it; an alarm that finds nothing to do does no harm. */
export function armAlarm(step: Step): void {
  const { state, nowMs } = step;
  if (state.isAtRest) {
    restAlarm(step);
    return;
  }
  const due = Math.min(expiryDue(step), discardDue(step), sweepDue(step), boundDue(step));
  if (!Number.isFinite(due)) return;
  const atMs = Math.max(Math.ceil(due / EXPIRY_GRAIN_MS) * EXPIRY_GRAIN_MS, nowMs + EXPIRY_GRAIN_MS);
  if (state.alarmAt !== null && state.alarmAt <= atMs) return;
  state.alarmAt = atMs;
  step.outputs.push({ type: 'setAlarm', atMs });
}

/** None, unless somebody did not agree to the rest: then what is due is looked after when the group is up again. */
function restAlarm({ state, outputs }: Step): void {
  if (state.alarmAt === state.lookAgainAt) return;
  state.alarmAt = state.lookAgainAt;
  outputs.push({ type: 'setAlarm', atMs: state.lookAgainAt });
}

function expiryDue({ state }: Step): number {
  return state.primary === null ? Number.POSITIVE_INFINITY : (state.nextExpiryAt ?? Number.POSITIVE_INFINITY);
}

function discardDue({ state }: Step): number {
  return state.primary?.discards.dueAt ?? Number.POSITIVE_INFINITY;
}

function boundDue({ state }: Step): number {
  return state.primary === null ? Number.POSITIVE_INFINITY : boundSettlesAt(state, state.primary);
}

function sweepDue({ state }: Step): number {
  return state.sweepAt === null ? Number.POSITIVE_INFINITY : state.sweepAt + CHUNK_LIFE_MS;
}
