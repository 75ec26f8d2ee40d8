// Deliberate bugs in what follows the loss of a storage.
import type { Mutant } from './mutant.ts';

const R = 'core/replication/';
const ADMITTED = 'return incarnationOf(head, identity.memberId) === identity.incarnation;';

export const LOSS_MUTANTS: readonly Mutant[] = [
  {
    name: 'blank replica votes',
    edits: [{ file: `${R}readmission.ts`, find: ADMITTED, replace: 'return true;' }],
  },
  {
    name: 'readmission without a logged op',
    edits: [
      { file: `${R}readmission.ts`, find: ADMITTED, replace: ADMITTED.replace(';', ' || head.applied > 0;') },
    ],
  },
  {
    name: "old incarnation's vote counted",
    edits: [
      {
        file: `${R}receive.ts`,
        find: "if (message.incarnation < newestIncarnation(step.state, from)) return 'old-incarnation';",
        replace: '',
      },
      {
        file: `${R}receive.ts`,
        find: "if (peer !== undefined && message.incarnation < peer.incarnation) return 'old-incarnation';",
        replace: '',
      },
      {
        file: `${R}receive.ts`,
        find: 'if (body.op > state.log.last.op || incarnation !== newestIncarnation(state, from)) break;',
        replace: 'if (body.op > state.log.last.op) break;',
      },
      {
        file: `${R}view-change.ts`,
        find: '([from, { incarnation }]) => incarnation >= newestIncarnation(state, from),',
        replace: '() => true,',
      },
      {
        file: `${R}view-change.ts`,
        find: 'incarnation === newestIncarnation(state, from));',
        replace: 'incarnation <= newestIncarnation(state, from));',
      },
    ],
  },
  {
    name: 'readmission believed before it is committed',
    edits: [
      {
        file: `${R}readmission.ts`,
        find: "export function isAdmitted({ head, identity }: Pick<ReplicaState, 'head' | 'identity'>): boolean {",
        replace:
          'export function isAdmitted({ head, identity, log }: ReplicaState): boolean {\n' +
          '  if (log !== undefined) return newestIncarnation({ head, log } as ReplicaState, identity.memberId) === identity.incarnation;',
      },
    ],
  },
  {
    name: "readmission committed by the member's own vote",
    edits: [
      {
        file: `${R}receive.ts`,
        find: 'if (body.op <= state.log.last.op) onPrepareOk(state, peer, body.op, body.commit);',
        replace:
          'if (body.op <= state.log.last.op) onPrepareOk(state, peer, body.op, body.commit);\n' +
          '      peer.isVoter = true;\n      advanceCommit(step, primary);',
      },
    ],
  },
  {
    name: 'a storage that was set back goes on',
    edits: [
      {
        file: `${R}rollback-alarm.ts`,
        find: 'if (!isNewer(seen, { view, op: log.last.op })) return;',
        replace: 'if (seen !== null) return;',
      },
    ],
  },
  {
    name: 'a storage is given up in memory only',
    edits: [
      {
        file: `${R}step.ts`,
        find: "return [{ type: 'persist', writes: [{ type: 'forsaken', incarnation }] }, ...told, { type: 'lost' }];",
        replace: "return incarnation > 0 ? [...told, { type: 'lost' }] : [];",
      },
    ],
  },
];
