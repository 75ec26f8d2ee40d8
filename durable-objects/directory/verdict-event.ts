// What is told of a change of a verdict: that the backend is up or down for all, or that only some vantages find it
// down, which moves no traffic but is worth knowing.
import type { NewEvent } from '../interfaces/telemetry.ts';
import type { VerdictChange } from './verdict-store.ts';

/** Null where only the wording changed. */
export function eventOfVerdict(pool: string, change: VerdictChange, nowMs: number): NewEvent | null {
  const { backend, before, verdict, downFrom, downFromBefore, of } = change;
  const subject = `${pool}/${backend}`;
  const { state, since, reason } = verdict;
  if (state !== before) {
    return { at: since, type: `backend-${state}`, subject, detail: { pool, backend, before, reason } };
  }
  if (state !== 'healthy' || downFrom.join() === downFromBefore.join()) return null;
  const type = downFrom.length > 0 ? 'backend-down-from-some' : 'backend-up-from-all';
  return { at: nowMs, type, subject, detail: { pool, backend, vantages: downFrom, of, reason } };
}
