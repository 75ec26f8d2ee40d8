// How far a primary has come with removing what purges have made unusable (discard.ts). In memory: another primary
// begins anew.
import type { Viewstamp } from './viewstamp.ts';

/** From a purge to the first look at the rows. */
const FIRST_LOOK_MS = 60_000;

/** A look through all rows, from a state in which nothing was only in memory. */
export interface DiscardPass {
  readonly from: Viewstamp;
  /** Logged time of that state. */
  readonly t: number;
  cursor: string | null;
}

export interface DiscardState {
  /** When there is something to do next, epoch ms; null = not before the next purge. */
  dueAt: number | null;
  pass: DiscardPass | null;
  /** Removals proposed and not yet applied. */
  proposed: number;
  /** The last pass that ended: no row is left for which, at that time, a purge up to there left no use. */
  doneUpTo: Viewstamp;
  doneT: number;
}

export function newDiscardState(): DiscardState {
  return { dueAt: null, pass: null, proposed: 0, doneUpTo: { view: 0, op: 0 }, doneT: 0 };
}

/** Something was purged by more than a URL. */
export function expectDiscards({ discards }: { readonly discards: DiscardState }, nowMs: number): void {
  discards.dueAt ??= nowMs + FIRST_LOOK_MS;
}
