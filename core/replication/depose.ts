// What a primary leaves behind when its view does: queued commands were never logged and are handed back; logged ones
// may still commit in a later view, so their callers hear that nobody here knows.
import { primaryOf } from './quorum.ts';
import { reply, type Step } from './step.ts';

/** Does nothing where this member was no primary. O(callers). */
export function depose(step: Step): void {
  const { state } = step;
  const { primary, identity, view } = state;
  state.primary = null;
  if (primary === null) return;
  const told = { view, primary: primaryOf(view, identity.memberCount) };
  for (const { clients } of primary.queue) {
    for (const id of clients) reply(step, id, { type: 'not-primary', ...told });
  }
  for (const { id } of primary.waitingReads) reply(step, id, { type: 'not-primary', ...told });
  for (const pending of primary.pendingByOp.values()) {
    for (const { clients } of pending)
      for (const id of clients) reply(step, id, { type: 'deposed', ...told });
  }
}
