// What the simulator says of a campaign: it fails on a violation and on what was never met, and names the way back.
import { describe, expect, it } from 'vitest';
import { noSums } from '../../simulate/campaign/job.ts';
import { seedsReport } from '../../simulate/campaign/seeds-report.ts';
import { hasFailed, type ProfileReport, quantile } from '../../simulate/campaign/simulate-seeds.ts';
import { FAULTS } from '../../simulate/engine/faults.ts';
import { Coverage, isImpossible } from '../../simulate/run/coverage.ts';
import { PHASES } from '../../simulate/run/phase.ts';

function everything(): Coverage {
  const coverage = new Coverage();
  for (const fault of FAULTS) for (const phase of PHASES) coverage.count(fault, phase);
  return coverage;
}

function report(more: Partial<ProfileReport> = {}): ProfileReport {
  const coverage = more.coverage ?? everything();
  return {
    profile: 'core',
    firstSeed: 1,
    sums: { ...noSums(), seeds: 1_000, operations: 200_000 },
    violations: [],
    coverage,
    missing: coverage.missing('core'),
    failoversMs: [1_000, 2_000, 3_000],
    cutOffsMs: [],
    cpuMs: 1_000,
    ...more,
  };
}

describe('a campaign', () => {
  it('has passed when nothing broke and everything was met', () => {
    expect(hasFailed(report())).toBe(false);
    expect(seedsReport(report(), 200)).toContain(
      'core: seeds 1 to 1000, 200,000 client operations, 0 violations',
    );
  });

  it('fails on a violation, and says how to see it again', () => {
    const violation = {
      profile: 'core',
      seed: 17,
      invariant: 'I2',
      sentence: 'op 9 is lost',
      stack: '',
    } as const;
    const broken = report({ violations: [violation] });
    expect(hasFailed(broken)).toBe(true);
    const text = seedsReport(broken, 200);
    expect(text).toContain('seed 17 breaks I2: op 9 is lost');
    expect(text).toContain('npm run simulate -- --profile core --seed 17 --ops 200 --trace');
  });

  it('fails from 1,000 seeds on when a fault was never met in a phase', () => {
    const coverage = everything();
    coverage.counts[FAULTS.indexOf('zombie-twin') * PHASES.length + PHASES.indexOf('view-change')] = 0;
    const lacking = report({ coverage });
    expect(lacking.missing).toEqual(['zombie-twin in view-change']);
    expect(hasFailed(lacking)).toBe(true);
    expect(hasFailed({ ...lacking, sums: { ...lacking.sums, seeds: 999 } })).toBe(false);
    expect(seedsReport(lacking, 200)).toContain('never met: zombie-twin in view-change');
  });

  it('asks for a fault of the origin only where there is one', () => {
    expect(isImpossible('slow-origin', 'quiet', 'core')).toBe(true);
    expect(isImpossible('slow-origin', 'quiet', 'invalidation')).toBe(false);
    expect(new Coverage().missing('invalidation').length).toBeGreaterThan(
      new Coverage().missing('core').length,
    );
  });

  it('tells the quantiles of failovers', () => {
    expect([0, 0.5, 0.99, 1].map((share) => quantile([1, 2, 3], share))).toEqual([1, 2, 3, 3]);
    expect(seedsReport(report(), 200)).toContain('after 2,000 ms (p50), 3,000 ms (p99), 3,000 ms (most)');
    expect(quantile([], 0.5)).toBe(null);
  });
});
