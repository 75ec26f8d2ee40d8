// The cache lab: it must read traces as they are written, refuse what it cannot use, know Belady's optimum, and its
// policies must give the figures that are known of them. What needs the traces is left out where they are not at hand.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { simulateBelady } from '../../bench/cache/belady.ts';
import { cacheNumbers } from '../../bench/cache/cache-numbers.ts';
import { capacityBytes, parseCapacities } from '../../bench/cache/capacity.ts';
import { PriorityHeap } from '../../bench/cache/priority-heap.ts';
import { CONTENDERS } from '../../bench/cache/run-cache.ts';
import { simulate } from '../../bench/cache/simulate.ts';
import { syntheticTraces } from '../../bench/cache/synthetic-traces.ts';
import { parseTrace, readTrace, type Trace } from '../../bench/cache/trace.ts';
import { EVICTION_POLICIES } from '../../core/cache/eviction/policies.ts';

const folder = mkdtempSync(join(tmpdir(), 'roundel-traces-'));
afterAll(() => rmSync(folder, { recursive: true }));
const fileOf = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};

const TEXT = '0 a 10\n1 b 5\n2 a 10\n3.5 c 0\n';

describe('a trace', () => {
  it('holds its requests in order, each key once, and the bytes of the distinct ones', () => {
    const trace = parseTrace(TEXT, 'x');
    expect(trace.keys).toEqual(['a', 'b', 'c']);
    expect([...trace.requests]).toEqual([0, 1, 0, 2]);
    expect([...trace.sizes]).toEqual([10, 5, 10, 1]);
    expect(trace.distinctBytes).toBe(16);
    expect(trace.isSized).toBe(true);
    expect(parseTrace('0 a 1\n0 b 1\n', 'x').isSized).toBe(false);
  });

  it('is read the same plain or as gzip, whatever it is called', () => {
    const plain = readTrace(fileOf('plain.txt', TEXT), 'x');
    expect(readTrace(fileOf('packed.txt', gzipSync(TEXT)), 'x')).toEqual(plain);
    expect(plain).toEqual(parseTrace(TEXT.trimEnd().replaceAll('\n', '\r\n'), 'x'));
  });

  it.each([
    ['0 a 1\n0 a\n', /line 2 is not "time key size": "0 a"/],
    ['0 a 1\n\n0 a 1\n', /line 2 /],
    ['0 a -1\n', /line 1 /],
    ['0 a 1.5\n', /line 1 /],
    ['0 a 1 extra\n', /line 1 /],
    ['now a 1\n', /line 1 /],
    ['', /it holds no request/],
  ])('with a bad line is refused and the line named: %j', (text, message) => {
    expect(() => parseTrace(text, 'x')).toThrow(message);
  });

  it('whose gzip is damaged, or that is not there, is refused in one line', () => {
    const packed = gzipSync(TEXT);
    const cut = fileOf('cut.gz', packed.subarray(0, packed.length - 9));
    expect(() => readTrace(cut, 'cut.gz')).toThrow(/^Cannot read the trace cut\.gz: its gzip is damaged .*$/);
    expect(() => readTrace(join(folder, 'none'), 'none')).toThrow('the trace none: there is no such file');
    expect(() => readTrace(folder, 'folder')).toThrow('it is a folder');
  });
});

describe('a capacity', () => {
  it('is a percentage of the distinct bytes, over 0 and up to 100', () => {
    const capacities = parseCapacities('0.5%, 100%');
    expect(capacities?.map((one) => capacityBytes(one, 3000))).toEqual([15, 3000]);
    expect(capacityBytes({ text: '1%', share: 0.01 }, 3)).toBe(1);
    for (const text of ['', '0%', '101%', '10', '-1%', '1%,', '1e1%', 'x%', 'NaN%']) {
      expect(parseCapacities(text), text).toBe(null);
    }
  });
});

describe('the comparison', () => {
  it('has in Belady a bound that no policy beats where sizes are equal', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(12), { minLength: 1, maxLength: 120 }),
        fc.integer({ min: 1, max: 8 }),
        (keys, held) => {
          const trace = parseTrace(keys.map((key, i) => `${i} k${key} 1`).join('\n'), 'x');
          const best = simulateBelady(trace, held).objectMissRatio;
          for (const simulation of CONTENDERS.values()) {
            expect(simulation(trace, held).objectMissRatio).toBeGreaterThanOrEqual(best);
          }
        },
      ),
      { numRuns: 60, seed: 5 },
    );
  });

  // Belady 1966: of three that are held, the one needed again last goes.
  it('knows the misses of Belady and LRU in a small example', () => {
    const trace = parseTrace([...'abcdabeabcde'].map((key, i) => `${i} ${key} 1`).join('\n'), 'x');
    expect(simulateBelady(trace, 3).objectMissRatio * 12).toBeCloseTo(7);
    expect(simulate(EVICTION_POLICIES.lru, trace, 3).objectMissRatio * 12).toBeCloseTo(10);
    expect(simulate(EVICTION_POLICIES.fifo, trace, 3).objectMissRatio * 12).toBeCloseTo(9);
  });

  it('counts a missed request as its size in the byte miss ratio', () => {
    const trace = parseTrace('0 a 30\n1 b 10\n2 a 30\n3 c 200\n', 'x');
    expect(simulate(EVICTION_POLICIES.lru, trace, 100)).toEqual({
      objectMissRatio: 3 / 4,
      byteMissRatio: 240 / 270,
    });
  });

  it('has a heap that gives the least first through changes and removals', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(20), fc.integer({ min: -1, max: 99 })), { maxLength: 80 }),
        (changes) => {
          const heap = new PriorityHeap();
          const model = new Map<number, number>();
          for (const [item, priority] of changes) {
            if (priority < 0) {
              heap.delete(item);
              model.delete(item);
            } else {
              heap.set(item, priority);
              model.set(item, priority);
            }
          }
          const order: number[] = [];
          for (let least = heap.shift(); least !== null; least = heap.shift()) {
            expect(model.get(least.item)).toBe(least.priority);
            order.push(least.priority);
          }
          expect(order).toEqual([...model.values()].sort((a, b) => a - b));
        },
      ),
      { seed: 6 },
    );
  });

  it('makes up the same traces from the same seed, and others from another', () => {
    const [first, again, other] = [1, 1, 2].map((seed) => syntheticTraces({ seed, quick: true }));
    expect(again).toEqual(first);
    expect(other?.[1]?.requests).not.toEqual(first?.[1]?.requests);
    expect(first?.map(({ name }) => name)).toContain('synthetic-scan-even');
  });

  it('finds the default policy no worse than S3-FIFO by a tenth on any made-up trace, and better in the mean', () => {
    const ratios = syntheticTraces({ seed: 3, quick: true }).flatMap((trace) =>
      [0.1, 0.25].map((share) => {
        const bytes = capacityBytes({ text: '', share }, trace.distinctBytes);
        const missed = (make: Parameters<typeof simulate>[0]) => simulate(make, trace, bytes).objectMissRatio;
        return missed(EVICTION_POLICIES.roundel) / missed(EVICTION_POLICIES['s3-fifo']);
      }),
    );
    expect(Math.max(...ratios)).toBeLessThan(1.1);
    expect(ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length).toBeLessThan(0.95);
  });
});

const shared = fileURLToPath(new URL('../../../shared/traces/', import.meta.url));

describe.skipIf(!existsSync(shared))(
  'on the real traces (skipped where ../shared/traces is not there)',
  () => {
    const traces = new Map<string, Trace>();
    const traceOf = (name: string): Trace => {
      const trace = traces.get(name) ?? readTrace(join(shared, `${name}.txt.gz`), name);
      traces.set(name, trace);
      return trace;
    };
    const missesOf = (policy: string, name: string, share: number) => {
      const trace = traceOf(name);
      const misses = CONTENDERS.get(policy)?.(trace, capacityBytes({ text: '', share }, trace.distinctBytes));
      if (misses === undefined) throw new Error(`There is no policy ${policy}`);
      return misses;
    };

    // What libCacheSim, or a simulator that reproduces it, gives for the same capacities (README of the traces).
    it.each([
      ['web12', 0.1, { lru: 0.315, sieve: 0.283, 's3-fifo': 0.277, belady: 0.2 }],
      ['web07', 0.01, { lru: 0.608, sieve: 0.578, 's3-fifo': 0.561, belady: 0.466 }],
      ['nasa-http-19950801', 0.1, { lru: 0.208, sieve: 0.171, 's3-fifo': 0.166, gdsf: 0.098 }],
    ])('the policies known elsewhere miss what they miss there: %s', (name, share, known) => {
      for (const [policy, ratio] of Object.entries(known)) {
        const { objectMissRatio } = missesOf(policy, name, share);
        // Sizes that change and capacities that are rounded are not treated the same everywhere.
        expect(Math.abs(objectMissRatio / ratio - 1), `${policy}: ${objectMissRatio}`).toBeLessThan(0.02);
      }
    });

    it('the default policy reaches the goals for misses on all three, at 1 %, 10 % and 25 %', () => {
      const names = ['web12', 'web07', 'nasa-http-19950801'];
      const results = names.flatMap((trace) =>
        ['1%', '10%', '25%'].flatMap((capacity) =>
          ['roundel', 'lru', 's3-fifo', 'gdsf'].map((policy) => ({
            policy,
            trace,
            capacity,
            ...missesOf(policy, trace, Number.parseFloat(capacity) / 100),
          })),
        ),
      );
      const numbers = cacheNumbers({ results, speed: [], traces: names.map(traceOf), haveGoals: true });
      expect(numbers).toHaveLength(4);
      expect(numbers.filter(({ met }) => met !== true)).toEqual([]);
    });
  },
);

describe('the command line of the cache lab', () => {
  const main = fileURLToPath(new URL('../../bench/main.ts', import.meta.url));
  const bench = (...args: string[]) =>
    spawnSync(process.execPath, [main, 'cache', ...args], {
      encoding: 'utf8',
      env: { ...process.env, INIT_CWD: folder },
    });

  it('prints one JSON value with a result for each policy, trace and capacity', () => {
    fileOf('given.txt', TEXT);
    const args = ['--trace', 'given.txt', '--capacity', '50%,100%', '--policy', 'roundel,belady'];
    const { status, stdout, stderr } = bench(...args, '--json', '--quick');
    expect(stderr).toContain('cache: given.txt');
    expect(status).toBe(0);
    const { results } = JSON.parse(stdout) as { results: object[] };
    expect(results).toHaveLength(4);
    expect(results[2]).toEqual({
      policy: 'roundel',
      trace: 'given.txt',
      capacity: '100%',
      objectMissRatio: 3 / 4,
      byteMissRatio: 16 / 26,
    });
  });

  it('names its own options in its help', () => {
    const { stdout } = bench('--help');
    for (const word of ['--trace', '--capacity', '--policy', 's3-fifo', '--quick']) {
      expect(stdout).toContain(word);
    }
  });

  it.each([
    { args: ['--trace', 'nowhere.txt'], says: 'the trace nowhere.txt: there is no such file' },
    { args: ['--trace', 'bad.txt'], says: 'the trace bad.txt: line 2 is not "time key size": "oops"' },
    { args: ['--capacity', '10'], says: 'percentages over 0 and up to 100' },
    { args: ['--policy', 'best'], says: "There is no policy 'best', only: roundel, " },
  ])('refuses what it cannot use with one line on stderr: $args', ({ args, says }) => {
    fileOf('bad.txt', '0 a 1\noops\n');
    const { status, stdout, stderr } = bench(...args);
    expect(status).toBe(1);
    expect(stdout).toBe('');
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toContain(says);
  });
});
