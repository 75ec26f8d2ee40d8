// Asks the monitor whether a backend that failed here fails for it too. The request that met the failure does not
// wait; when the monitor confirms, its verdict is on the way to every edge, and this one looks for it at once.
import type { SuspicionAnswer } from '../../core/load-balancing/suspicion-pacer.ts';
import type { RuntimePool } from './pool-registry.ts';
import type { Visit } from './visit.ts';
import { within } from './within.ts';

/** Beyond the longest probe that anybody should have, the answer is of no use. */
const ANSWER_WAIT_MS = 10_000;

/** `sign`: what was met, in words; `isOutlier`: more than a single failure. */
export function suspect(
  { edge, context }: Visit,
  { name, config, state: { suspicions } }: RuntimePool,
  backend: string,
  sign: string,
  isOutlier: boolean,
): void {
  if (!config.health || !suspicions.mayAsk(backend, isOutlier, edge.now())) return;
  const ask = async (): Promise<void> => {
    const answer = await answerOf(edge.healthMonitor(name).suspect(name, backend, sign));
    suspicions.heard(backend, answer);
    const snapshot = edge.snapshots.peek();
    if (answer === 'confirmed' && snapshot)
      edge.snapshots.heardOf(snapshot.version, snapshot.healthEpoch + 1);
  };
  context.waitUntil(ask());
}

async function answerOf(asked: Promise<SuspicionAnswer>): Promise<SuspicionAnswer> {
  try {
    return (await within(asked, ANSWER_WAIT_MS)) ?? 'pending';
  } catch (error) {
    console.warn(`Cannot have a suspicion verified: ${String(error)}`);
    return 'pending';
  }
}
