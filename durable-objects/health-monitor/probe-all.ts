// One round of probes over a whole pool, for whoever asks now: nothing of it is remembered.
import type { Pool } from '../../core/config/schema.ts';
import type { ProbeResult, ProbeRound } from '../interfaces/health-monitor.ts';
import { probe } from './probe.ts';

/** After it no further probe is begun. */
const ROUND_MS_MAX = 20_000;

/** Takes at most 20 s and one probe. A pool without `health` has nothing to be probed by: none is. */
export async function probeAll(
  { backends, health }: Pool,
  vantage: string,
  atOnce: number,
): Promise<ProbeRound> {
  if (health === undefined) return { results: {}, unprobed: backends.map(({ id }) => id) };
  const deadlineAt = Date.now() + ROUND_MS_MAX;
  const waiting = [...backends];
  const results: [string, ProbeResult][] = [];
  const worker = async (): Promise<void> => {
    while (waiting.length > 0 && Date.now() < deadlineAt) {
      const backend = waiting.shift();
      if (backend) results.push([backend.id, await probe(backend, health, vantage)]);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return { results: Object.fromEntries(results), unprobed: waiting.map(({ id }) => id) };
}
