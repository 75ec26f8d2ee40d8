// Runs the seeds of one job in this thread.
import { asViolation } from '../checks/violation.ts';
import { Trace } from '../engine/trace.ts';
import { Coverage } from '../run/coverage.ts';
import { runSeed } from '../run/run-seed.ts';
import { addSums, type FoundViolation, type Job, type JobResult, noSums } from './job.ts';

export function runJob({ profile, firstSeed, seeds, operations, stopAtFirst }: Job): JobResult {
  const sums = noSums();
  const coverage = new Coverage();
  const violations: FoundViolation[] = [];
  const failoversMs: number[] = [];
  const cutOffsMs: number[] = [];
  const trace = new Trace();
  const beganCpu = process.threadCpuUsage();
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    try {
      const run = runSeed(seed, { profile, operations });
      addSums(sums, { ...run, seeds: 1 });
      coverage.add(run.coverage);
      if (run.failoverMs !== null) failoversMs.push(run.failoverMs);
      if (run.cutOffMs !== null) cutOffsMs.push(run.cutOffMs);
      trace.mixText(run.traceHash);
    } catch (error) {
      const { invariant, message, stack = '' } = asViolation(error);
      sums.seeds += 1;
      violations.push({ profile, seed, invariant, sentence: message, stack });
      if (stopAtFirst) break;
    }
  }
  const { user, system } = process.threadCpuUsage(beganCpu);
  const cpuMs = (user + system) / 1_000;
  const { counts } = coverage;
  return {
    profile,
    sums,
    coverage: counts,
    failoversMs,
    cutOffsMs,
    violations,
    traceHash: trace.hash,
    cpuMs,
  };
}
