// The overhead lab's own arithmetic, its table and its view of processes; the runs themselves need the whole product.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { describeEnvironment } from '../../bench/environment.ts';
import { row } from '../../bench/number-row.ts';
import { childRunning, cpuMicros } from '../../bench/overhead/cpu-time.ts';
import { overheadTable } from '../../bench/overhead/overhead-table.ts';
import { type Round, summarize } from '../../bench/overhead/summarize.ts';

const round = (perSecond: number, cpu: number | null): Round => ({
  perSecond,
  cpuMicros: cpu,
  loadCpuMicros: 50,
});

describe('a summary', () => {
  it('makes ratios within each round, so that a slow moment of the machine falls on both', () => {
    const base = [round(1_000, 100), round(100, 200), round(1_000, 100)];
    const own = [round(500, 200), round(50, 400), round(600, 150)];
    // Of the medians it would be 500/1000 too; by the mean of all it would not.
    expect(summarize('x', own, base)).toMatchObject({ perSecondRatio: 0.5, cpuRatio: 2, cpuMicros: 200 });
    expect(summarize('x', [round(50, 1), round(900, 1)], [round(100, 1), round(1_000, 1)])).toMatchObject({
      perSecondRatio: 0.5,
      perSecond: 50,
    });
  });

  it('says nothing of CPU time where the system tells none', () => {
    const summary = summarize('x', [round(1, null)], [round(1, null)]);
    expect(summary).toMatchObject({ cpuMicros: null, cpuRatio: null, perSecondRatio: 1 });
  });
});

describe.skipIf(process.platform !== 'linux')('the view of processes', () => {
  it('counts the time on a processor, which sleeping is not', async () => {
    const child = spawn(process.execPath, [
      '-e',
      'const end = Date.now() + 100; while (Date.now() < end); console.log("spun"); setInterval(() => {}, 1e6);',
    ]);
    await once(child.stdout, 'data');
    const pid = child.pid ?? 0;
    const spun = cpuMicros(pid) ?? 0;
    expect(childRunning(process.pid, '"spun"')).toBe(pid);
    child.kill('SIGKILL');
    await once(child, 'exit');
    // 100 ms by the clock of a busy machine may be a fifth of that on the processor.
    expect(spun).toBeGreaterThan(20_000);
    expect(cpuMicros(pid)).toBeNull();
    expect(childRunning(process.pid, '"spun"')).toBeNull();
  });
});

describe('overheadTable', () => {
  it('puts every contender beside the bare Worker, and says what misses its goal', () => {
    const summary = summarize('roundel', [round(600, 250)], [round(1_000, 100)]);
    const text = overheadTable({
      lab: 'overhead',
      environment: describeEnvironment({ seed: 1, quick: true }, []),
      load: { connections: 32, rounds: 1, roundMs: 1_000 },
      base: 'bare',
      contenders: [summary],
      numbers: [row('requests/s against the bare Worker', summary.perSecondRatio, 'ratio', '≥', 0.85)],
    });
    expect(text).toMatch(/roundel +│ +600 │ +0\.60 │ +250 µs │ +2\.50 │ +50 µs/);
    expect(text).toMatch(/requests\/s against the bare Worker │ 0\.6000 +│ ≥ 0\.8500 │ MISSED │/);
  });
});
