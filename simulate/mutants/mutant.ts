// A deliberate bug: exact text of the code under test, and what stands there instead while the simulator runs. The code
// itself has no switch for it.

export interface Edit {
  /** Relative to the repository. */
  readonly file: string;
  /** Must stand there exactly once. */
  readonly find: string;
  readonly replace: string;
}

export interface Mutant {
  /** What is wrong, in a few words. */
  readonly name: string;
  readonly edits: readonly Edit[];
}
