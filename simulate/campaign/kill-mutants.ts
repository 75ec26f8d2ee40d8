// Runs every mutant until something catches it: the profiles' seeds in turn, from the first, up to a bound.
import type { Invariant } from '../checks/violation.ts';
import { MUTANTS } from '../mutants/all.ts';
import type { Mutant } from '../mutants/mutant.ts';
import { checkMutant } from '../mutants/plant.ts';
import type { ProfileName } from '../run/profiles.ts';
import { JobThread } from './worker-pool.ts';

export interface MutantsOptions {
  readonly profiles: readonly ProfileName[];
  /** Names that are asked for; none: all. */
  readonly only: readonly string[];
  /** Of each profile, for each mutant. */
  readonly seeds: number;
  readonly firstSeed: number;
  readonly operations: number;
  readonly threads: number;
  progress(line: string): void;
}

export interface Kill {
  readonly mutant: string;
  /** null: nothing caught it. */
  readonly caughtBy: {
    readonly invariant: Invariant;
    readonly sentence: string;
    readonly profile: ProfileName;
    readonly seed: number;
  } | null;
  /** How many seeds were run, the one that caught it included. */
  readonly seeds: number;
}

/** Seeds of one profile before it is the next one's turn. */
const SEEDS_PER_TURN = 20;

/** Throws before anything runs where a mutant does not fit the code any more. */
export async function killMutants(options: MutantsOptions): Promise<Kill[]> {
  const mutants = MUTANTS.filter(({ name }) => options.only.length === 0 || options.only.includes(name));
  for (const mutant of mutants) checkMutant(mutant);
  const kills: Kill[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (;;) {
      const at = next++;
      const mutant = mutants[at];
      if (mutant === undefined) return;
      const kill = await hunt(mutant, options);
      kills[at] = kill;
      options.progress(`${mutant.name}: ${describe(kill)}`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(options.threads, mutants.length) }, work));
  return kills;
}

export function describe({ caughtBy, seeds }: Kill): string {
  return caughtBy === null ? `not caught in ${seeds} seeds` : `${caughtBy.invariant} after ${seeds} seeds`;
}

async function hunt(
  mutant: Mutant,
  { profiles, seeds, firstSeed, operations }: MutantsOptions,
): Promise<Kill> {
  const thread = new JobThread(mutant);
  let ran = 0;
  try {
    for (let done = 0; done < seeds; done += SEEDS_PER_TURN) {
      for (const profile of profiles) {
        const size = Math.min(SEEDS_PER_TURN, seeds - done);
        const job = { profile, firstSeed: firstSeed + done, seeds: size, operations, stopAtFirst: true };
        const result = await thread.run(job);
        ran += result.sums.seeds;
        const [violation] = result.violations;
        if (violation === undefined) continue;
        const { invariant, sentence, seed } = violation;
        return { mutant: mutant.name, caughtBy: { invariant, sentence, profile, seed }, seeds: ran };
      }
    }
    return { mutant: mutant.name, caughtBy: null, seeds: ran };
  } finally {
    await thread.close();
  }
}
