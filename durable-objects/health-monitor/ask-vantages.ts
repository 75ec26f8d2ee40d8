// A suspicion put before all vantages of a pool at once: as soon as a majority agrees, the others are not waited for.
import type { SuspicionAnswer } from '../../core/load-balancing/suspicion-pacer.ts';
import { majorityAnswer } from '../../core/load-balancing/vantage-majority.ts';
import { within } from '../within.ts';

/** As long as an edge waits: a vantage that does not answer must not keep the next suspicion waiting. */
const ANSWER_WAIT_MS = 10_000;

/** Never rejects; a vantage that fails, or takes longer than 10 s, has not been able to verify it. */
export function askVantages(asked: readonly Promise<SuspicionAnswer>[]): Promise<SuspicionAnswer> {
  return new Promise((resolve) => {
    const answers: SuspicionAnswer[] = [];
    const hear = (answer: SuspicionAnswer | null): void => {
      answers.push(answer ?? 'pending');
      const joint = majorityAnswer(answers, asked.length);
      if (joint !== null) resolve(joint);
    };
    for (const answer of asked) {
      within(ANSWER_WAIT_MS, answer).then(hear, (error: unknown) => {
        console.warn(`Cannot have a suspicion verified from another vantage: ${String(error)}`);
        hear(null);
      });
    }
  });
}
