// What the rounds of one contender say together.
import { quantile } from '../resilience/figures.ts';

/** One contender for a second or two. */
export interface Round {
  readonly perSecond: number;
  /** Of its workerd, for each request; null where the system does not tell. */
  readonly cpuMicros: number | null;
  /** Of the load process, for each request. */
  readonly loadCpuMicros: number;
}

/** Medians over the rounds; ratios against the base are made within each round first. */
export interface Summary {
  readonly name: string;
  readonly perSecond: number;
  readonly perSecondRatio: number;
  readonly cpuMicros: number | null;
  readonly cpuRatio: number | null;
  readonly loadCpuMicros: number;
}

/** `rounds` and `base` in the same order, one for each round of the lab. */
export function summarize(name: string, rounds: readonly Round[], base: readonly Round[]): Summary {
  const median = (values: readonly number[]) => quantile(values, 0.5);
  const cpu = rounds.flatMap(({ cpuMicros }) => cpuMicros ?? []);
  const cpuRatios = rounds.flatMap(({ cpuMicros }, i) => {
    const ofBase = base[i]?.cpuMicros ?? null;
    return cpuMicros === null || ofBase === null ? [] : [cpuMicros / ofBase];
  });
  return {
    name,
    perSecond: median(rounds.map(({ perSecond }) => perSecond)),
    perSecondRatio: median(rounds.map(({ perSecond }, i) => perSecond / (base[i]?.perSecond ?? Number.NaN))),
    cpuMicros: cpu.length === 0 ? null : median(cpu),
    cpuRatio: cpuRatios.length === 0 ? null : median(cpuRatios),
    loadCpuMicros: median(rounds.map(({ loadCpuMicros }) => loadCpuMicros)),
  };
}
