// One seed once more, in this thread: what came of it, and on request every step.
import { asViolation, type Violation } from '../checks/violation.ts';
import type { ProfileName } from '../run/profiles.ts';
import { runSeed } from '../run/run-seed.ts';
import { replayCommand } from './seeds-report.ts';

export interface Replay {
  readonly violation: Violation | null;
  /** For `--json`. */
  readonly report: unknown;
  readonly text: string;
}

/** With `trace`, lines go to stdout while they are made: there may be many. */
export function replaySeed(profile: ProfileName, seed: number, operations: number, trace: boolean): Replay {
  const print = (line: string): void => {
    process.stdout.write(`${line}\n`);
  };
  try {
    const { coverage: _, ...run } = runSeed(seed, { profile, operations, ...(trace ? { print } : {}) });
    const text = `${profile}: seed ${seed} keeps every promise: ${run.operations} operations, ${run.steps} steps, trace ${run.traceHash}\n`;
    return { violation: null, report: { profile, seed, ...run, violation: null }, text };
  } catch (error) {
    const violation = asViolation(error);
    const { invariant, message, stack } = violation;
    const again = trace ? '' : `  ${replayCommand(profile, seed, operations)}\n`;
    const where = invariant === 'assertion' ? `${stack}\n` : '';
    const text = `${profile}: seed ${seed} breaks ${invariant}: ${message}\n${again}${where}`;
    return { violation, report: { profile, seed, violation: { invariant, sentence: message } }, text };
  }
}
