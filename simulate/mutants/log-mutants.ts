// Deliberate bugs in the log: quorums, durability, what a vote vouches for, what a backup keeps.
import type { Mutant } from './mutant.ts';

const R = 'core/replication/';

export const LOG_MUTANTS: readonly Mutant[] = [
  {
    name: 'quorum of one fewer',
    edits: [
      {
        file: `${R}quorum.ts`,
        find: 'return Math.floor(members / 2) + 1;',
        replace: 'return Math.max(1, Math.floor(members / 2));',
      },
    ],
  },
  {
    name: 'acknowledge before durable',
    edits: [
      {
        file: `${R}step.ts`,
        find: "return writes.length === 0 ? step.outputs : [{ type: 'persist', writes }, ...step.outputs];",
        replace:
          "return writes.length === 0 ? step.outputs : [...step.outputs, { type: 'persist', writes }];",
      },
    ],
  },
  {
    name: 'vote without a durable touch',
    edits: [
      {
        file: `${R}step.ts`,
        find: "if (step.votes && writes.length === 0) writes.push({ type: 'touch' });",
        replace: '',
      },
    ],
  },
  {
    name: "prepareOk names the log's end",
    edits: [
      {
        file: `${R}backup.ts`,
        find: "sendVote(step, from, { type: 'prepareOk', op: verified, commit, ...(isRead && { isRead }) });",
        replace:
          "sendVote(step, from, { type: 'prepareOk', op: state.log.last.op, commit, ...(isRead && { isRead }) });",
      },
    ],
  },
  {
    name: "backup's commit beyond what was verified",
    edits: [
      {
        file: `${R}backup.ts`,
        find: 'Math.min(prepare.commit, verified)',
        replace: 'Math.min(prepare.commit, state.log.last.op)',
      },
    ],
  },
  {
    name: 'truncate on an old short prepare',
    edits: [
      {
        file: `${R}backup.ts`,
        find: '  appendToLog(step, fresh);\n  return { verified',
        replace:
          '  if (fresh.length === 0 && verified < state.log.last.op && verified >= state.head.commit) truncateSuffix(step, verified + 1);\n' +
          '  appendToLog(step, fresh);\n  return { verified',
      },
    ],
  },
  {
    name: 'prepare before the local append',
    edits: [
      {
        file: `${R}step.ts`,
        find: "return writes.length === 0 ? step.outputs : [{ type: 'persist', writes }, ...step.outputs];",
        replace:
          "const early = (effect: Effect): boolean => effect.type === 'send' && effect.message.body.type === 'prepare';\n" +
          "  return writes.length === 0 ? step.outputs : [...step.outputs.filter(early), { type: 'persist', writes }, ...step.outputs.filter((effect) => !early(effect))];",
      },
    ],
  },
  {
    name: 'entry counted without its chunks',
    edits: [
      {
        file: `${R}backup.ts`,
        find: '        .filter((hash) => !holdsChunk(step, hash));',
        replace: '        .filter((hash) => !holdsChunk(step, hash) && hash === "");',
      },
    ],
  },
  {
    name: 'rebooted primary normal at once',
    edits: [
      {
        file: `${R}replica-state.ts`,
        find: 'return state.primary !== null && state.head.commit >= state.primary.recoverTo;',
        replace: 'return state.primary !== null;',
      },
    ],
  },
];
