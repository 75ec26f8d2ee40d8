// Asks the monitor whether a backend that failed here fails for it too. The request that met the failure does not
// wait; when the monitor confirms, its verdict is on the way to every edge, and this one looks for it at once.
import { vantagesOf } from '../../core/config/health-schema.ts';
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
  const vantages = vantagesOf(config.health);
  const ask = async (): Promise<void> => {
    const answer = await firstAnswer(vantages, (vantage) =>
      edge.healthMonitor(name, vantage).suspect(name, backend, sign),
    );
    suspicions.heard(backend, answer);
    const snapshot = edge.snapshots.peek();
    if (answer === 'confirmed' && snapshot)
      edge.snapshots.heardOf(snapshot.version, snapshot.healthEpoch + 1);
  };
  context.waitUntil(ask());
}

/** Any monitor of the pool has all the others asked. Every edge begins with the same, so that one round answers all. */
async function firstAnswer(
  vantages: readonly string[],
  ask: (vantage: string) => Promise<SuspicionAnswer>,
): Promise<SuspicionAnswer> {
  for (const vantage of vantages) {
    try {
      return (await within(ask(vantage), ANSWER_WAIT_MS)) ?? 'pending';
    } catch (error) {
      console.warn(`Cannot have a suspicion verified by vantage "${vantage}": ${String(error)}`);
    }
  }
  return 'pending';
}
