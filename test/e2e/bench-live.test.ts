// A run of the live lab as its user starts it; its arithmetic and command line stand in test/unit/bench-live.test.ts.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { LiveReport } from '../../bench/live/run-live.ts';
import { repository } from '../../local/repository.ts';
import { processesOfGroup } from '../support/processes-of-group.ts';

describe('npm run bench -- live', () => {
  it('measures the product beside plain Workers and what else there is, and leaves nothing behind', async () => {
    const turns = ['--rounds', '1', '--seconds', '0.3', '--connections', '4', '--rate', '50'];
    const args = ['bench/main.ts', 'live', '--workload', 'constant,cache', ...turns, '--json'];
    const child = spawn(process.execPath, args, { cwd: repository, detached: true });
    let out = '';
    child.stdout.on('data', (data) => {
      out += data;
    });
    let err = '';
    child.stderr.on('data', (data) => {
      err += data;
    });
    const [status] = await once(child, 'close');
    expect(status, err).toBe(0);
    expect(err).toContain('live: round 1 of 1');
    const { throughput, latency, skipped, environment } = JSON.parse(out) as LiveReport;
    const memory = throughput.find(({ contender }) => contender === 'Roundel, memory');
    expect(memory).toMatchObject({ workload: 'cache', connections: 4, failures: 0 });
    expect(memory?.requests).toBeGreaterThan(0);
    expect(memory?.originRatio).toBeLessThan(0.05);
    expect(throughput.find(({ contender }) => contender === 'Worker with a Map')?.ratio).toBe(1);
    expect(latency.find(({ contender }) => contender === 'Roundel, memory')).toMatchObject({
      rate: 50,
      failures: 0,
    });
    // Each of the neighbours takes part, or its absence has a reason.
    for (const name of ['nginx', 'haproxy', 'varnish']) {
      const isThere = name in environment.versions;
      expect(skipped.some((one) => one.name === name && one.reason !== '')).toBe(!isThere);
    }
    expect(processesOfGroup(child.pid ?? 0)).toEqual([]);
  });
});
