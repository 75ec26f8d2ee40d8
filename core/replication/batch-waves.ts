// The order within a batch of reads and writes: what concerns one key happens in the order in which it stands there, and
// everything else at once. A wave is what may be done together; the usual batch is one wave, thus one log entry.

export interface BatchStep {
  readonly key: string;
  readonly isWrite: boolean;
}

/**
 * The wave of each step, from 0. Writes of one key share a wave, since the log keeps their order; between a write and a
 * read of it there is a step to the next. O(steps).
 */
export function wavesOf(steps: readonly BatchStep[]): number[] {
  const last = new Map<string, { readonly wave: number; readonly isWrite: boolean }>();
  return steps.map(({ key, isWrite }) => {
    const before = last.get(key);
    const wave = before === undefined ? 0 : before.wave + (before.isWrite === isWrite ? 0 : 1);
    last.set(key, { wave, isWrite });
    return wave;
  });
}
