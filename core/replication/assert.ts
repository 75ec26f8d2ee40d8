// Programmer errors and broken invariants stop the step with a sentence, before anything of it leaves the replica.

export function assert(condition: boolean, sentence: () => string): asserts condition {
  if (!condition) throw new Error(`Replication invariant broken: ${sentence()}`);
}
