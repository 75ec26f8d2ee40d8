// One verdict from several vantages: each sees a backend from its own region, and the majority of those that know
// something decides, so that a broken path between one region and a backend takes nothing from the others.
import type { HealthState } from './health.ts';
import type { SuspicionAnswer } from './suspicion-pacer.ts';

/** One vantage's own verdict. */
export interface Witness {
  readonly vantage: string;
  readonly state: HealthState;
  readonly reason: string;
}

export interface JointVerdict {
  readonly state: 'healthy' | 'unhealthy';
  readonly reason: string;
}

/**
 * What `witnesses` say together; `unknown` ones have no vote, and a tie leaves the state as it was. Null where that
 * was none, or nobody votes: what holds goes on to hold. `of`: vantages of the pool, ≥ the witnesses. O(witnesses).
 */
export function majorityVerdict(
  witnesses: readonly Witness[],
  of: number,
  before: HealthState,
): JointVerdict | null {
  const down = witnesses.filter(({ state }) => state === 'unhealthy');
  const up = witnesses.filter(({ state }) => state === 'healthy');
  const [first] = [...down, ...up];
  if (first === undefined) return null;
  const state = stateOf(up.length, down.length, before);
  if (state === null) return null;
  if (of === 1) return { state, reason: first.reason };
  if (down.length === 0) return { state, reason: `up from ${shareOf(up.length, of)}` };
  const only = state === 'healthy' ? ' only' : '';
  return { state, reason: `down from ${named(down, of, only)}: ${first.reason}` };
}

function stateOf(up: number, down: number, before: HealthState): JointVerdict['state'] | null {
  if (up !== down) return up > down ? 'healthy' : 'unhealthy';
  return before === 'unknown' ? null : before;
}

function named(down: readonly Witness[], of: number, only: string): string {
  if (down.length === of) return shareOf(of, of);
  return `${down.map(({ vantage }) => vantage).join(', ')}${only} (${shareOf(down.length, of)})`;
}

function shareOf(count: number, of: number): string {
  return count === of ? `all ${of} vantages` : `${count} of ${of} vantages`;
}

/** The vantages that find the backend down, in alphabetical order: what an event of it is told by. O(n log n). */
export function downFrom(witnesses: readonly Witness[]): string[] {
  return witnesses.flatMap(({ vantage, state }) => (state === 'unhealthy' ? [vantage] : [])).sort();
}

/**
 * Whether a suspicion is confirmed, from the answers so far of `of` vantages: as soon as no further answer can change
 * it, and null until then. With as many for as against it the backend keeps its verdict: refuted. Those who could not
 * tell leave it open where they could have turned it. O(answers).
 */
export function majorityAnswer(answers: readonly SuspicionAnswer[], of: number): SuspicionAnswer | null {
  const count = (answer: SuspicionAnswer): number => answers.filter((given) => given === answer).length;
  const [confirmed, refuted, pending] = [count('confirmed'), count('refuted'), count('pending')];
  if (2 * confirmed > of) return 'confirmed';
  if (2 * refuted >= of) return 'refuted';
  if (answers.length < of) return null;
  if (pending > 0 && Math.abs(confirmed - refuted) <= pending) return 'pending';
  if (confirmed + refuted === 0) return 'not-probed';
  return confirmed > refuted ? 'confirmed' : 'refuted';
}

const ALIVE_MS_MIN = 30_000;

/** How often a vantage that has nothing new to say tells that it probes, ms: no more than its probes, nor twice a minute. */
export function aliveEveryMs(intervalMs: number): number {
  return Math.max(intervalMs, ALIVE_MS_MIN);
}

/** Of whom nothing was heard for so long, ms, has no vote: a verdict must not rest on probes that nobody makes. */
export function silenceMs(intervalMs: number): number {
  return 3 * aliveEveryMs(intervalMs);
}
