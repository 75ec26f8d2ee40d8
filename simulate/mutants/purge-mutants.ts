// Deliberate bugs in purges by way of the coordinator, and in what an edge knows of those that it had made.
import type { Mutant } from './mutant.ts';

export const PURGE_MUTANTS: readonly Mutant[] = [
  {
    name: 'purge acknowledged after a partial fan-out',
    edits: [
      {
        file: 'core/purging/purge-book.ts',
        find: 'if (missingIn(this.#targets).length > 0) return false;',
        replace: 'if (missingIn(this.#targets).length >= Math.max(1, this.#targets.length)) return false;',
      },
    ],
  },
  {
    name: 'purge planned for one shard only',
    edits: [
      {
        file: 'core/purging/plan-purge.ts',
        find: 'const commands = [...everywhere, ...(byShard.get(group.shard) ?? [])];',
        replace:
          'const commands = [...(group.shard === 0 ? everywhere : []), ...(byShard.get(group.shard) ?? [])];',
      },
    ],
  },
  {
    name: 'strict purge acknowledged at its commit',
    edits: [
      {
        file: 'core/purging/purge-book.ts',
        find: 'return Math.max(0, this.strictMs(purgeId) - (nowMs - knownAt));',
        replace: 'return Math.min(0, this.strictMs(purgeId) - (nowMs - knownAt));',
      },
    ],
  },
  {
    name: 'strict purge counted by the clock of another life',
    edits: [
      {
        file: 'core/purging/purge-book.ts',
        find: 'const knownAt = this.#knownDoneAt.get(purgeId) ?? nowMs;',
        replace:
          'const knownAt = this.#knownDoneAt.get(purgeId) ?? this.#store.find(purgeId)?.doneAt ?? nowMs;',
      },
    ],
  },
  {
    name: 'edge forgets the purges that it had made',
    edits: [
      {
        file: 'core/replication/purges-seen.ts',
        find: 'lastIn: (groupId) => last.get(groupId) ?? null,',
        replace: "lastIn: (groupId) => last.get(groupId + '?') ?? null,",
      },
    ],
  },
  {
    name: 'copies of before a purge are kept after it',
    edits: [
      {
        file: 'core/cache/held-answers.ts',
        find: 'if (held.askedAt <= this.#forgottenAt || nowMs >= held.usableUntil) return;',
        replace: 'if (nowMs >= held.usableUntil) return;',
      },
    ],
  },
  {
    name: 'call refused as a whole, though part of it was done',
    edits: [
      {
        file: 'core/sharding/group-call.ts',
        find: '  if (failure.isPartlyDone === true) return true;\n',
        replace: '',
      },
    ],
  },
];
