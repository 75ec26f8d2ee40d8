// The short campaign: a thousand seeds of two hundred client operations in each profile, through the command that users
// have. It is a project of its own, because it keeps both cores busy for a while.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const main = fileURLToPath(new URL('../../simulate/main.ts', import.meta.url));
const simulate = (...args: string[]) =>
  spawnSync(process.execPath, [main, ...args], { encoding: 'utf8', maxBuffer: 64 * 2 ** 20 });

interface ProfileResult {
  readonly profile: string;
  readonly seeds: number;
  readonly operations: number;
  readonly acknowledgedWrites: number;
  readonly openWrites: number;
  readonly reads: number;
  readonly joins: number;
  readonly lives: number;
  readonly violations: readonly unknown[];
  readonly missing: readonly string[];
}

describe('the simulator', () => {
  it('finds no violation in 1,000 seeds of each profile, and meets every fault in every phase', {
    timeout: 300_000,
  }, () => {
    const { status, stdout, stderr } = simulate('--seeds', '1000', '--ops', '200', '--json');
    expect(stdout, stderr).not.toBe('');
    const { profiles } = JSON.parse(stdout) as { readonly profiles: readonly ProfileResult[] };
    expect(profiles.map(({ profile, seeds }) => [profile, seeds])).toEqual([
      ['core', 1_000],
      ['invalidation', 1_000],
    ]);
    expect(profiles[1]?.joins).toBeGreaterThan(2_000);
    for (const {
      operations,
      acknowledgedWrites,
      openWrites,
      reads,
      lives,
      violations,
      missing,
    } of profiles) {
      expect(violations).toEqual([]);
      expect(missing).toEqual([]);
      // A run in which nothing happens proves nothing.
      expect(operations).toBe(200_000);
      expect(acknowledgedWrites).toBeGreaterThan(70_000);
      expect(reads).toBeGreaterThan(70_000);
      expect(openWrites).toBeGreaterThan(500);
      expect(lives).toBeGreaterThan(5_000);
    }
    expect(status).toBe(0);
  });

  it('prints the same for the same seed, and what happened on request', { timeout: 60_000 }, () => {
    const once = simulate('--profile', 'core', '--seed', '7');
    expect(once.stdout).toMatch(
      /^core: seed 7 keeps every promise: 200 operations, \d+ steps, trace [0-9a-f]{16}\n$/,
    );
    expect(simulate('--profile', 'core', '--seed', '7').stdout).toBe(once.stdout);
    const traced = simulate('--profile', 'core', '--seed', '7', '--trace').stdout;
    expect(traced).toMatch(/ m0\.1 {2}boot /);
    expect(traced.endsWith(once.stdout)).toBe(true);
  });

  it.each([
    { args: ['--profile', 'all-of-it'], says: 'Allowed choices are core, invalidation, all.' },
    { args: ['--seeds', '0'], says: 'It must be a whole number from 1 to 10000000.' },
    { args: ['--ops', 'many'], says: 'It must be a whole number from 1 to 100000.' },
    { args: ['--trace'], says: '--trace needs --seed' },
    { args: ['--nonsense'], says: "unknown option '--nonsense'" },
    { args: ['core'], says: 'too many arguments' },
  ])('refuses what it does not know with one line on stderr: $args', ({ args, says }) => {
    const { status, stdout, stderr } = simulate(...args);
    expect(status).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^error: .*\n$/);
    expect(stderr).toContain(says);
  });
});
