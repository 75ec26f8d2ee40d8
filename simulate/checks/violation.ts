// What a checker throws: the invariant that was broken, by its number in the design, and a sentence that says how.

/** Named as in the design: I1 to I13, R0 and R0b, `liveness`, `idle`, and `assertion` where the code under test stops itself. */
export type Invariant =
  | 'I1'
  | 'I2'
  | 'I3'
  | 'I4'
  | 'I5'
  | 'I6'
  | 'I7'
  | 'I8'
  | 'I9'
  | 'I10'
  | 'I11'
  | 'I12'
  | 'I13'
  | 'R0'
  | 'R0b'
  | 'liveness'
  | 'idle'
  | 'assertion';

export class Violation extends Error {
  readonly invariant: Invariant;

  constructor(invariant: Invariant, sentence: string) {
    super(sentence);
    this.name = 'Violation';
    this.invariant = invariant;
  }
}

/** The sentence is made only when it is needed: checks run in every step. */
export function must(condition: boolean, invariant: Invariant, sentence: () => string): asserts condition {
  if (!condition) throw new Violation(invariant, sentence());
}

/** An error of any kind as a violation: what the code under test throws by itself is one too. */
export function asViolation(error: unknown): Violation {
  if (error instanceof Violation) return error;
  const found = new Violation('assertion', error instanceof Error ? error.message : String(error));
  if (error instanceof Error && error.stack !== undefined) found.stack = error.stack;
  return found;
}
