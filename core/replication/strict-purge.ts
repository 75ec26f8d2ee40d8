// When a committed purge is strict: no reader of any level but `any` can show what was there before. Whatever is read
// shows what was committed longer ago than the bound, in a reader's own time; two clocks run apart by a hundredth each at
// most, and what was read travels for a moment. So it is enough to wait, by one clock, without a break.

/** Of the rates of two clocks that drift by 1 % each, in opposite directions: 1.01 / 0.99. */
const DRIFT = 1.021;
const SLACK_MS = 250;

/** From when the commit was known, by the clock of one boot of the waiting object. `boundMs`: the largest in use. */
export function strictAfterMs(boundMs: number): number {
  return Math.ceil(boundMs * DRIFT) + SLACK_MS;
}
