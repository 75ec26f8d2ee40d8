// The log: appended at one end, cut at the other once applied, and at its tail only where a newer view contradicts
// it. Newest entries are kept in memory as well, because a step cannot read back what it is about to write.
import { assert } from './assert.ts';
import type { TailEntry } from './log-state.ts';
import { readmissionsOf } from './logged-readmissions.ts';
import type { LogEntry } from './messages.ts';
import type { ReplicaState } from './replica-state.ts';
import { entryBytes } from './sizes.ts';
import type { Step } from './step.ts';
import type { ReplicaStore } from './store.ts';
import type { Viewstamp } from './viewstamp.ts';

/** Applied entries kept in memory for backups that are a little slower than the quorum. */
const TAIL_ENTRIES = 32;
const TAIL_BYTES = 2 * 1024 * 1024;

/** Entries must continue the log: `op` by one, `t` strictly upwards. O(entries). */
export function appendToLog(step: Step, entries: readonly LogEntry[]): void {
  const { log } = step.state;
  for (const entry of entries) {
    assert(entry.op === log.last.op + 1, () => `op ${entry.op} cannot follow op ${log.last.op}`);
    log.last = { view: entry.view, op: entry.op };
    log.lastT = entry.t;
    const bytes = entryBytes(entry);
    log.bytes += bytes;
    log.tail.push({ entry, bytes });
    const readmissions = readmissionsOf(entry);
    if (readmissions.length > 0) log.readmissions = [...log.readmissions, ...readmissions];
  }
  if (entries.length > 0) step.writes.push({ type: 'append', entries });
}

/**
 * Removes the entries from `fromOp` on, which a newer view has contradicted. Committed entries are never contradicted
 * (invariant I1): that is asserted, because going on would lose an acknowledged write. O(entries removed).
 */
export function truncateSuffix(step: Step, fromOp: number): void {
  const { state, store } = step;
  const { log, head } = state;
  assert(fromOp > head.commit, () => `op ${fromOp} is contradicted, but ${head.commit} ops are committed`);
  const last = viewstampAt(state, store, fromOp - 1);
  assert(last !== undefined, () => `op ${fromOp - 1} is missing before a contradicted one`);
  for (let op = fromOp; op <= log.last.op; op++) {
    log.bytes -= inTail(state, op)?.bytes ?? store.logPlaces(op, 1)[0]?.bytes ?? 0;
  }
  log.lastT = inTail(state, last.op)?.entry.t ?? store.logPlaces(last.op, 1)[0]?.t ?? head.appliedT;
  while ((log.tail.at(-1)?.entry.op ?? 0) >= fromOp) log.tail.pop();
  log.readmissions = log.readmissions.filter(({ op }) => op < fromOp);
  log.last = last;
  step.writes.push({ type: 'truncateSuffix', fromOp });
}

/** Where the log stood at `op`; undefined when that is before its beginning or beyond its end. O(1) or one read. */
export function viewstampAt(state: ReplicaState, store: ReplicaStore, op: number): Viewstamp | undefined {
  const { log } = state;
  if (op === log.last.op) return log.last;
  if (op === log.before.op) return log.before;
  if (op < log.before.op || op > log.last.op) return undefined;
  const view = inTail(state, op)?.entry.view ?? store.viewAt(op);
  return view === undefined ? undefined : { view, op };
}

/**
 * Entries from `fromOp` on, at least one if there is one, then while they fit in `bytesMax`; possibly fewer, where
 * memory and store meet.
 */
export function readLog(
  state: ReplicaState,
  store: ReplicaStore,
  fromOp: number,
  bytesMax: number,
): readonly LogEntry[] {
  const { tail } = state.log;
  const first = tail[0]?.entry.op ?? state.log.last.op + 1;
  if (fromOp < first) {
    return store.logEntries(fromOp, bytesMax).filter((entry) => entry.op < first);
  }
  const entries: LogEntry[] = [];
  let bytes = 0;
  for (let i = fromOp - first; i < tail.length; i++) {
    const kept = tail[i];
    if (kept === undefined) break;
    bytes += kept.bytes;
    if (entries.length > 0 && bytes > bytesMax) break;
    entries.push(kept.entry);
  }
  return entries;
}

/** Forgets applied entries beyond what memory keeps. Only at a step's end: the store shows them from then on. */
export function trimTail(state: ReplicaState): void {
  const { tail } = state.log;
  let bytes = 0;
  let keep = 0;
  for (let i = tail.length - 1; i >= 0; i--) {
    const kept = tail[i];
    if (kept === undefined) break;
    bytes += kept.bytes;
    const unapplied = kept.entry.op > state.head.applied;
    if (!unapplied && (keep >= TAIL_ENTRIES || bytes > TAIL_BYTES)) break;
    keep += 1;
  }
  tail.splice(0, tail.length - keep);
}

/** undefined: it is not in memory. */
export function inTail(state: ReplicaState, op: number): TailEntry | undefined {
  const first = state.log.tail[0]?.entry.op;
  return first === undefined ? undefined : state.log.tail[op - first];
}
