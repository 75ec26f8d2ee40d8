// Many seeds of the chosen profiles, on several threads: what they did, what they covered, what broke.
import { Coverage } from '../run/coverage.ts';
import type { ProfileName } from '../run/profiles.ts';
import { addSums, type FoundViolation, type Job, noSums, type Sums } from './job.ts';
import { runJobs } from './worker-pool.ts';

export interface SeedsOptions {
  readonly profiles: readonly ProfileName[];
  readonly seeds: number;
  readonly firstSeed: number;
  readonly operations: number;
  readonly threads: number;
  progress(line: string): void;
}

export interface ProfileReport {
  readonly profile: ProfileName;
  readonly firstSeed: number;
  readonly sums: Sums;
  readonly violations: readonly FoundViolation[];
  readonly coverage: Coverage;
  /** Pairs of fault and phase that never met; must be empty from `COVERAGE_SEEDS` seeds on. */
  readonly missing: readonly string[];
  /** Sorted, simulated ms. */
  readonly failoversMs: readonly number[];
  readonly cutOffsMs: readonly number[];
  readonly cpuMs: number;
}

/** From so many seeds on, everything must have been met. */
export const COVERAGE_SEEDS = 1_000;
const SEEDS_PER_JOB = 25;
/** More of them tell nothing new. */
const VIOLATIONS_MAX = 20;
const PROGRESS_EVERY_MS = 5_000;

export async function simulateSeeds(options: SeedsOptions): Promise<ProfileReport[]> {
  const reports: ProfileReport[] = [];
  for (const profile of options.profiles) reports.push(await simulateProfile(profile, options));
  return reports;
}

async function simulateProfile(
  profile: ProfileName,
  { seeds, firstSeed, operations, threads, progress }: SeedsOptions,
): Promise<ProfileReport> {
  const jobs: Job[] = [];
  for (let done = 0; done < seeds; done += SEEDS_PER_JOB) {
    const size = Math.min(SEEDS_PER_JOB, seeds - done);
    jobs.push({ profile, firstSeed: firstSeed + done, seeds: size, operations, stopAtFirst: false });
  }
  const sums = noSums();
  const coverage = new Coverage();
  const violations: FoundViolation[] = [];
  const failoversMs: number[] = [];
  const cutOffsMs: number[] = [];
  let cpuMs = 0;
  let toldAt = performance.now();
  await runJobs(jobs, threads, (result) => {
    addSums(sums, result.sums);
    coverage.add(result.coverage);
    violations.push(...result.violations);
    failoversMs.push(...result.failoversMs);
    cutOffsMs.push(...result.cutOffsMs);
    cpuMs += result.cpuMs;
    for (const { seed, invariant, sentence } of result.violations) {
      progress(`${profile}: seed ${seed} breaks ${invariant}: ${sentence}`);
    }
    if (performance.now() - toldAt > PROGRESS_EVERY_MS) {
      toldAt = performance.now();
      progress(`${profile}: ${sums.seeds} of ${seeds} seeds, ${sums.operations} operations`);
    }
    return violations.length >= VIOLATIONS_MAX ? 'stop' : 'go-on';
  });
  violations.sort((a, b) => a.seed - b.seed);
  failoversMs.sort((a, b) => a - b);
  cutOffsMs.sort((a, b) => a - b);
  return {
    profile,
    firstSeed,
    sums,
    violations,
    coverage,
    missing: coverage.missing(profile),
    failoversMs,
    cutOffsMs,
    cpuMs,
  };
}

/** Whether anything broke, or was not met though there were seeds enough. */
export function hasFailed({ violations, missing, sums }: ProfileReport): boolean {
  return violations.length > 0 || (sums.seeds >= COVERAGE_SEEDS && missing.length > 0);
}

/** Of sorted numbers; null where there are none. */
export function quantile(sorted: readonly number[], share: number): number | null {
  const found = sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return found === undefined ? null : Math.round(found);
}

function quantiles(sorted: readonly number[]) {
  return {
    count: sorted.length,
    p50: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
    max: quantile(sorted, 1),
  };
}

/** For `--json`. */
export function toJson(report: ProfileReport, faults: readonly string[], phases: readonly string[]): unknown {
  const { profile, firstSeed, sums, violations, coverage, missing, failoversMs, cutOffsMs, cpuMs } = report;
  const met = Object.fromEntries(
    faults.map((fault, row) => [
      fault,
      Object.fromEntries(
        phases.map((phase, column) => [phase, coverage.counts[row * phases.length + column]] as const),
      ),
    ]),
  );
  const operationsPerCpuSecond = Math.round(sums.operations / (cpuMs / 1_000));
  return {
    profile,
    firstSeed,
    ...sums,
    operationsPerCpuSecond,
    failoverMs: quantiles(failoversMs),
    cutOffMs: quantiles(cutOffsMs),
    violations: violations.map(({ seed, invariant, sentence }) => ({ seed, invariant, sentence })),
    coverage: met,
    missing,
  };
}
