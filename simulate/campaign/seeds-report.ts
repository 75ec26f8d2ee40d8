// The result of a campaign, for people: one paragraph a profile, and the table of faults by phases.
import Table from 'cli-table3';
import { FAULTS } from '../engine/faults.ts';
import { isImpossible } from '../run/coverage.ts';
import { PHASES } from '../run/phase.ts';
import { COVERAGE_SEEDS, type ProfileReport, quantile } from './simulate-seeds.ts';

const VIOLATIONS_SHOWN = 20;

export function seedsReport(report: ProfileReport, operations: number): string {
  const { profile, firstSeed, sums, violations, missing, failoversMs, cutOffsMs, cpuMs } = report;
  const number = (value: number): string => Math.round(value).toLocaleString('en');
  const lines = [
    `${profile}: seeds ${firstSeed} to ${firstSeed + sums.seeds - 1}, ${number(sums.operations)} client operations, ` +
      `${number(violations.length)} violations`,
    `  ${number(sums.acknowledgedWrites)} writes acknowledged, ${number(sums.openWrites)} left open, ${number(sums.reads)} reads, ` +
      `${number(sums.joins)} fetches joined, ` +
      `${number(sums.committedOps)} ops committed`,
    `  ${number(sums.lives)} lives of members, ${number(sums.messages)} messages, ${number(sums.steps)} steps, ` +
      `${number(sums.simulatedMs / 3_600_000)} simulated hours`,
    `  ${number(cpuMs / 1_000)} s of CPU time, ${number(sums.operations / (cpuMs / 1_000))} client operations a CPU second`,
  ];
  for (const [what, timesMs] of [
    ['crashes of a primary: written and read again', failoversMs],
    ['edges cut off from a primary: written and read', cutOffsMs],
  ] as const) {
    const [p50, p99, most] = [0.5, 0.99, 1].map((share) => number(quantile(timesMs, share) ?? 0));
    if (timesMs.length > 0)
      lines.push(
        `  ${number(timesMs.length)} ${what} after ${p50} ms (p50), ${p99} ms (p99), ${most} ms (most)`,
      );
  }
  for (const { seed, invariant, sentence } of violations.slice(0, VIOLATIONS_SHOWN)) {
    lines.push(
      `  seed ${seed} breaks ${invariant}: ${sentence}`,
      `    ${replayCommand(profile, seed, operations)}`,
    );
  }
  lines.push(coverageTable(report));
  if (missing.length > 0 && sums.seeds < COVERAGE_SEEDS) {
    lines.push(`  ${missing.length} pairs not met in ${sums.seeds} seeds`);
  } else if (missing.length > 0) {
    lines.push(`  never met: ${missing.join(', ')}`);
  }
  return lines.join('\n');
}

export function replayCommand(profile: string, seed: number, operations: number): string {
  return `npm run simulate -- --profile ${profile} --seed ${seed} --ops ${operations} --trace`;
}

function coverageTable({ profile, coverage }: ProfileReport): string {
  const table = new Table({
    head: ['fault, by phase', ...PHASES],
    colAligns: ['left', ...PHASES.map(() => 'right' as const)],
    style: { head: [], border: [], compact: true },
  });
  for (const fault of FAULTS) {
    table.push([
      fault,
      ...PHASES.map((phase) =>
        isImpossible(fault, phase, profile) ? '-' : coverage.of(fault, phase).toLocaleString('en'),
      ),
    ]);
  }
  return table.toString();
}
