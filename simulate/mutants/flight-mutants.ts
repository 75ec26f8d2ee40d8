// Deliberate bugs in who fetches, who waits for whom, and what those that wait are shown.
import type { Mutant } from './mutant.ts';

const R = 'core/replication/';

export const FLIGHT_MUTANTS: readonly Mutant[] = [
  {
    name: 'joiner takes a pre-purge flight',
    edits: [
      {
        file: `${R}leases.ts`,
        find: 'const isOvertaken = held !== undefined && isNewer(primary.newestPurge, held.token);',
        replace: 'const isOvertaken = false;',
      },
    ],
  },
  {
    name: 'pre-purge flight prolonged',
    edits: [
      {
        file: `${R}leases.ts`,
        find: 'if (held === undefined || !isOf(held, token) || isNewer(primary.newestPurge, token)) return false;',
        replace: 'if (held === undefined || !isOf(held, token)) return false;',
      },
    ],
  },
  {
    name: 'join without a confirm round',
    edits: [
      {
        file: `${R}read-need.ts`,
        find: "return level === 'bounded' || level === 'any';",
        replace: "return level !== 'session';",
      },
    ],
  },
  {
    name: 'a lease while another one runs',
    edits: [
      {
        file: `${R}leases.ts`,
        find: 'if (held !== undefined && !isOvertaken && isUnexpired(held, nowMs, leaseMs)) return',
        replace: 'if (held !== undefined && !isOvertaken && isUnexpired(held, nowMs, leaseMs / 2)) return',
      },
    ],
  },
  {
    name: 'a fill does not end its lease',
    edits: [
      {
        file: `${R}commit.ts`,
        find: '      else releaseLease(primary, command.key, command.token);\n',
        replace: '',
      },
      {
        file: `${R}commit.ts`,
        find: "import { releaseLease, revokeLease, revokeOlderLeases } from './leases.ts';",
        replace: "import { revokeLease, revokeOlderLeases } from './leases.ts';",
      },
    ],
  },
  {
    name: 'joined on what was confirmed before',
    edits: [
      {
        file: 'core/cache/flights.ts',
        find: 'if (answer === null || this.#confirmation === null || number > this.#confirmedUpTo) return null;',
        replace: 'if (answer === null || this.#confirmation === null || number < 0) return null;',
      },
      {
        file: 'core/cache/flights.ts',
        find: 'if (this.#confirmedUpTo >= this.#waiting && this.heldHere(nowMs) !== null) return false;',
        replace: 'if (this.#confirmedUpTo > 0 && this.heldHere(nowMs) !== null) return false;',
      },
    ],
  },
  {
    name: "joined on another fetch's lease",
    edits: [
      {
        file: 'core/cache/flights.ts',
        find: 'if (holding.fetchId !== fetchId) {',
        replace: "if (fetchId === '') {",
      },
    ],
  },
];
