// The source's side of a snapshot: a member that is up to date stops applying at an op c and reads its disk out, part
// after part, to one that needs it. So all parts show the state at c, and its log goes on from c + 1. It votes on as
// before; only what it shows grows old meanwhile. A primary is the source only where no backup can be, and never lets a
// commit wait for it: then the snapshot is given up, and the receiver begins anew.
import type { MessageBody } from './messages.ts';
import type { ReplicaState } from './replica-state.ts';
import { type Step, send } from './step.ts';

type SnapshotAsk = Extract<MessageBody, { type: 'snapshotAsk' }>;

/** Parts are at least one item, and no more than this where there are several. */
const PART_BYTES = 1024 * 1024;
/** A receiver that asks no more by then has given up. */
const SILENCE_MAX_MS = 5_000;

/** `id` null begins; `after` names the place up to which the receiver has it. */
export function handleSnapshotAsk(step: Step, from: number, { id, after, atLeast }: SnapshotAsk): void {
  const { state, store, nowMs } = step;
  dropSilentSnapshot(step);
  if (state.snapshot !== null && state.snapshot.to !== from) {
    send(step, from, { type: 'snapshotNone', id });
    return;
  }
  // A receiver that begins anew is shown the same once more: what is applied stands still as long as it is read out.
  const isSame =
    state.snapshot !== null && (id === null ? state.snapshot.at.op >= atLeast : state.snapshot.id === id);
  if (!isSame) {
    if (id !== null || !begins(step, from, atLeast)) {
      // Of a life or a snapshot that is over; or what is applied is not on the disk yet: ask again.
      send(step, from, { type: 'snapshotNone', id });
      return;
    }
  }
  const { snapshot } = state;
  if (snapshot === null) return;
  snapshot.askedAt = nowMs;
  const { writes, to } = store.snapshotPart(after, PART_BYTES);
  const end = to === null ? { head: { ...state.head }, at: snapshot.at, floor: state.floor } : null;
  send(step, from, { type: 'snapshotPart', id: snapshot.id, at: snapshot.at, after, to, writes, end });
}

/** Only of what the receiver does not have itself, and from a disk that shows exactly what is applied: a step does not see what it is about to write. */
function begins(step: Step, to: number, atLeast: number): boolean {
  const { state, nowMs } = step;
  const hasMore = state.heldCommit > state.head.commit && state.primary === null;
  if (state.isInstalling || hasMore || state.head.applied < atLeast) return false;
  if (state.overlay.ops > 0) {
    step.flush = true;
    return false;
  }
  state.snapshots += 1;
  const at = { view: state.appliedView, op: state.head.applied };
  state.snapshot = { id: `${state.nonce}.${state.snapshots}`, to, at, askedAt: nowMs };
  return true;
}

/** While a snapshot is read out, or taken in, nothing is applied. */
export function mayApply(state: ReplicaState): boolean {
  return state.snapshot === null && !state.isInstalling;
}

export function dropSilentSnapshot({ state, nowMs }: Step): void {
  const { snapshot } = state;
  if (snapshot !== null && nowMs - snapshot.askedAt >= SILENCE_MAX_MS) state.snapshot = null;
}

/** The receiver has all of it. */
export function handleSnapshotDone({ state }: Step, from: number): void {
  if (state.snapshot?.to === from) state.snapshot = null;
}

export function snapshotDueAt({ snapshot }: ReplicaState): number {
  return snapshot === null ? Infinity : snapshot.askedAt + SILENCE_MAX_MS;
}
