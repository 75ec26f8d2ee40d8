// Deliberate bugs in what an applied op does: conditions, request ids, fills, removal, time.
import type { Mutant } from './mutant.ts';

const R = 'core/replication/';

export const APPLY_MUTANTS: readonly Mutant[] = [
  {
    name: 'condition judged on arrival',
    edits: [
      {
        file: `${R}requests.ts`,
        find: "import { enqueue } from './commit.ts';",
        replace:
          "import { enqueue } from './commit.ts';\nimport { conditionFailed, conditionHolds } from './apply-put.ts';\nimport { liveRow } from './rows.ts';",
      },
      {
        file: `${R}requests.ts`,
        find: '  enqueue(primary, { item, bytes, clients: [id] });',
        replace:
          "  if ((command.type === 'put' || command.type === 'delete') && command.condition !== null && isNormal(state)) {\n" +
          "    const row = liveRow(step, command.key, '', Math.max(step.nowMs, state.head.appliedT));\n" +
          '    if (!conditionHolds(command.condition, row)) {\n' +
          "      reply(step, id, { type: 'result', result: conditionFailed(row), bookmark: { view: state.appliedView, op: state.head.applied } });\n" +
          '      return;\n    }\n' +
          '    enqueue(primary, { item: { ...item, command: { ...command, condition: null } }, bytes, clients: [id] });\n' +
          '    return;\n  }\n' +
          '  enqueue(primary, { item, bytes, clients: [id] });',
      },
    ],
  },
  {
    name: 'dedupe judged on arrival',
    edits: [
      {
        file: `${R}apply.ts`,
        find: 'if (first !== undefined && stillRemembers(first, point.stamp.op, point.t)) {',
        replace:
          'if (first !== undefined && first.op < 0 && stillRemembers(first, point.stamp.op, point.t)) {',
      },
    ],
  },
  {
    name: 'fill ignores its token',
    edits: [
      {
        file: `${R}apply-fill.ts`,
        find: 'const reason = refusal(step, point, command, siblings);',
        replace:
          "const told = refusal(step, point, command, siblings);\n  const reason = told === 'purged-since-token' || told === 'written-since-token' ? null : told;",
      },
    ],
  },
  {
    name: 'a change is stored and purges nothing',
    edits: [
      {
        file: `${R}apply-fill.ts`,
        find: 'if (purges) removeAll(step, point, key);',
        replace: '',
      },
    ],
  },
  {
    name: 'a change is stored whatever came between',
    edits: [
      {
        file: `${R}apply-fill.ts`,
        find: 'const reason = refusal(step, point, command, siblings);',
        replace: 'const reason = purges ? null : refusal(step, point, command, siblings);',
      },
    ],
  },
  {
    name: 'born = fill time',
    edits: [
      {
        file: `${R}apply-fill.ts`,
        find: 'born: { view: token.view, op: token.op },',
        replace: 'born: point.stamp,',
      },
    ],
  },
  {
    name: 'evict without tombstone',
    edits: [
      {
        file: `${R}apply-removal.ts`,
        find: 'if (isNewer(row.born, head.fillFloor)) leaveTombstone(step, row.key, row.born, point);',
        replace: '',
      },
    ],
  },
  {
    name: 'apply uses the local clock for TTL',
    edits: [
      {
        file: `${R}apply-put.ts`,
        find: 'const expireAt = ttlMs === null ? null : point.t + ttlMs;',
        replace: 'const expireAt = ttlMs === null ? null : step.nowMs + ttlMs;',
      },
    ],
  },
  {
    name: 'unconditional EXPIRE',
    edits: [
      {
        file: `${R}apply-removal.ts`,
        find: 'if (row === undefined || !sameViewstamp(row.viewstamp, command.viewstamp)) return done;',
        replace:
          "if (row === undefined || (command.type === 'evict' && !sameViewstamp(row.viewstamp, command.viewstamp))) return done;",
      },
      {
        file: `${R}apply-removal.ts`,
        find: "if (command.type === 'expire' && (row.expireAt === null || row.expireAt > point.t)) return done;",
        replace: '',
      },
    ],
  },
  {
    name: 'a lowered bound counts at once for strict purges',
    edits: [
      {
        file: `${R}bound.ts`,
        find: 'head.boundMaxMs = Math.max(boundMaxMsOf(state), boundMs);',
        replace: 'head.boundMaxMs = boundMs;',
      },
    ],
  },
  {
    name: 'an older configuration changes the bound back',
    edits: [
      {
        file: `${R}bound.ts`,
        find: 'if (!isBound || since <= state.head.boundSince) return;',
        replace: 'if (!isBound || since === state.head.boundSince) return;',
      },
      {
        file: `${R}bound.ts`,
        find: 'if (since <= primary.boundAsked) return;',
        replace: 'if (since === primary.boundAsked) return;',
      },
      {
        file: `${R}bound.ts`,
        find: "if (since <= head.boundSince) return { type: 'done' };",
        replace: '',
      },
    ],
  },
  {
    name: 'soft and hard stamps merged',
    edits: [
      {
        file: `${R}apply-purge.ts`,
        find: 'hard: command.soft === true ? (known?.hard ?? null) : stamp,',
        replace: 'hard: stamp,',
      },
    ],
  },
];
