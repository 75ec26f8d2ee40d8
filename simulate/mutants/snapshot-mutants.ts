// Deliberate bugs in snapshots: what they carry, how they are taken in, whether all their parts show one op.
import type { Mutant } from './mutant.ts';

const R = 'core/replication/';

const SENT_PART = 'const { writes, to } = store.snapshotPart(after, PART_BYTES);';

function missing(name: string, type: string): Mutant {
  return {
    name: `${name} missing from snapshots`,
    edits: [
      {
        file: `${R}snapshot-source.ts`,
        find: SENT_PART,
        replace:
          'const { writes: all, to } = store.snapshotPart(after, PART_BYTES);\n' +
          `  const writes = all.filter((write) => write.type !== '${type}');`,
      },
    ],
  };
}

export const SNAPSHOT_MUTANTS: readonly Mutant[] = [
  missing('request ids', 'dedupe'),
  missing('purges', 'invalidation'),
  missing('tombstones', 'tombstone'),
  {
    name: 'snapshot merges instead of replacing',
    edits: [
      {
        file: `${R}install.ts`,
        find: "step.writes.push({ type: 'replaceRange', after: part.after, to: part.to, writes: part.writes });",
        replace: 'step.writes.push(...part.writes);',
      },
    ],
  },
  {
    name: 'parts of different ops',
    edits: [
      {
        file: `${R}snapshot-source.ts`,
        find: 'return state.snapshot === null && !state.isInstalling;',
        replace: 'return !state.isInstalling;',
      },
    ],
  },
];
