// What several vantages saw of each backend in one round of probes each, as one answer.
import type { ProbeResult, ProbeRound } from '../../durable-objects/interfaces/health-monitor.ts';

export type JoinedResult = ProbeResult & { readonly vantages: Record<string, ProbeResult> };

export interface JoinedRound {
  readonly backends: Record<string, JoinedResult>;
  /** Nobody reached them in time. */
  readonly unprobed: string[];
}

/**
 * A backend is ok by majority, in a tie by the first vantage; shown as its result is that of the first vantage that
 * saw it so. O(backends × vantages).
 */
export function joinRounds(
  backends: readonly string[],
  rounds: readonly (readonly [vantage: string, round: ProbeRound])[],
): JoinedRound {
  const unprobed: string[] = [];
  const joined = backends.flatMap((id): [string, JoinedResult][] => {
    const seen = rounds.flatMap(([vantage, { results }]) => {
      const result = Object.hasOwn(results, id) ? results[id] : undefined;
      return result === undefined ? [] : [[vantage, result] as const];
    });
    const votes = seen.reduce((sum, [, { ok }]) => sum + (ok ? 1 : -1), 0);
    const shown = seen.map(([, result]) => result).find(({ ok }) => votes === 0 || ok === votes > 0);
    if (shown === undefined) unprobed.push(id);
    return shown === undefined ? [] : [[id, { ...shown, vantages: Object.fromEntries(seen) }]];
  });
  return { backends: Object.fromEntries(joined), unprobed };
}
