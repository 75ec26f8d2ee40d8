// Deliberate bugs in what makes a primary: promises, the choice of a log, confirm rounds, evidence.
import type { Mutant } from './mutant.ts';

const R = 'core/replication/';

export const VIEW_MUTANTS: readonly Mutant[] = [
  {
    name: 'a backup hands nothing on',
    edits: [
      {
        file: `${R}relay.ts`,
        find: 'return isHeard && !isSuspected ? primaryOf(state.view, identity.memberCount) : null;',
        replace: 'return isHeard && isSuspected ? primaryOf(state.view, identity.memberCount) : null;',
      },
    ],
  },
  {
    name: 'read without confirm round',
    edits: [
      {
        file: `${R}reads.ts`,
        find: "    case 'linearizable':\n      return false;",
        replace: "    case 'linearizable':\n      return state.primary !== null && isNormal(state);",
      },
    ],
  },
  {
    name: 'confirm id reused',
    edits: [
      {
        file: `${R}confirm-round.ts`,
        find: ['return `$', '{state.nonce}.$', '{n}`;'].join(''),
        replace: "return state.nonce === '' ? '' : String(n % 2);",
      },
    ],
  },
  {
    name: "read before the view's first commit",
    edits: [
      {
        file: `${R}commit.ts`,
        find: 'primary.recoverTo = state.log.last.op;',
        replace: 'primary.recoverTo = 0;',
      },
    ],
  },
  {
    name: "commit an older view's entry by count",
    edits: [
      {
        file: `${R}commit.ts`,
        find: 'if (held <= head.commit || viewstampAt(state, store, held)?.view !== state.view) return;',
        replace: 'if (held <= head.commit || viewstampAt(state, store, held) === undefined) return;',
      },
    ],
  },
  {
    name: 'promise not persisted',
    edits: [
      {
        file: `${R}view-change.ts`,
        find: "step.writes.push({ type: 'view', view });",
        replace: '',
      },
    ],
  },
  {
    name: "accept a lower view's prepare",
    edits: [
      {
        file: `${R}receive.ts`,
        find: "if (message.view < view) return 'old-view';",
        replace: "if (message.view < view && body.type !== 'prepare') return 'old-view';",
      },
    ],
  },
  {
    name: 'adopt the longest log by op only',
    edits: [
      {
        file: `${R}view-change.ts`,
        find: 'if (isNewer(last, best?.last ?? state.log.last)) best = { from, last };',
        replace: 'if (last.op > (best?.last ?? state.log.last).op) best = { from, last };',
      },
      {
        file: `${R}view-change.ts`,
        find: "import { isNewer, type Viewstamp } from './viewstamp.ts';",
        replace: "import type { Viewstamp } from './viewstamp.ts';",
      },
    ],
  },
  {
    name: 'pull from a source that moved on',
    edits: [
      {
        file: `${R}receive.ts`,
        find: "if (message.view < view) return 'old-view';",
        replace: "if (message.view < view && body.type !== 'pull') return 'old-view';",
      },
      {
        file: `${R}receive.ts`,
        find: 'if (message.view > state.view) promiseView(step, message.view);',
        replace: "if (message.view > state.view && body.type !== 'pulled') promiseView(step, message.view);",
      },
    ],
  },
  {
    name: 'keep a conflicting suffix',
    edits: [
      {
        file: `${R}backup.ts`,
        find: 'const present = cut || viewstampAt(state, store, entry.op)?.view === entry.view;',
        replace: 'const present = cut || viewstampAt(state, store, entry.op) !== undefined;',
      },
    ],
  },
  {
    name: 'drop the uncommitted tail in a view change',
    edits: [
      {
        file: `${R}view-change.ts`,
        find: '  state.joining = null;\n  state.election = null;\n',
        replace:
          '  state.joining = null;\n  state.election = null;\n' +
          '  if (state.log.last.op > state.head.commit) truncateSuffix(step, state.head.commit + 1);\n',
      },
      {
        file: `${R}view-change.ts`,
        find: "import { pumpAll } from './peers.ts';",
        replace: "import { truncateSuffix } from './op-log.ts';\nimport { pumpAll } from './peers.ts';",
      },
    ],
  },
  {
    name: 'self-vote without a durable touch',
    edits: [
      {
        file: `${R}confirm-round.ts`,
        find: '  step.votes = true;\n',
        replace: '',
      },
      {
        file: `${R}confirm-round.ts`,
        find: "sendVote(step, member, { type: 'confirm', id, isHeard, echo });",
        replace: "send(step, member, { type: 'confirm', id, isHeard, echo });",
      },
      {
        file: `${R}confirm-round.ts`,
        find: "import { type Step, sendVote, setTimer } from './step.ts';",
        replace: "import { type Step, send, sendVote, setTimer } from './step.ts';",
      },
    ],
  },
  {
    name: "backup's confirm without a touch",
    edits: [
      {
        file: `${R}confirm-round.ts`,
        find: "sendVote(step, from, { type: 'confirmOk', id, clock, mark: newestMark(state) });",
        replace: "send(step, from, { type: 'confirmOk', id, clock, mark: newestMark(state) });",
      },
      {
        file: `${R}confirm-round.ts`,
        find: "import { type Step, sendVote, setTimer } from './step.ts';",
        replace: "import { type Step, send, sendVote, setTimer } from './step.ts';",
      },
    ],
  },
  {
    name: 'a deaf primary is trusted, whatever it says',
    edits: [
      {
        file: `${R}receive.ts`,
        find: "if (FROM_PRIMARY.has(body.type) && !('isHeard' in body && body.isHeard === false)) noteEvidence(step);",
        replace:
          'if (FROM_PRIMARY.has(body.type)) {\n    noteEvidence(step);\n    state.watch.suspectedAt = null;\n  }',
      },
      {
        file: `${R}exit-view.ts`,
        find: 'watch.isRefuted = true;',
        replace: 'watch.isRefuted = false;',
      },
    ],
  },
  {
    name: 'token compared by op only',
    edits: [
      {
        file: `${R}apply-fill.ts`,
        find: "import { compareViewstamps, isNewer } from './viewstamp.ts';",
        replace:
          "import { compareViewstamps, type Viewstamp } from './viewstamp.ts';\nconst isNewer = (a: Viewstamp, b: Viewstamp): boolean => a.op > b.op;",
      },
    ],
  },
  {
    name: 'freshAsOf set before apply',
    edits: [
      {
        file: `${R}freshness.ts`,
        find: 'if (echo === null || state.head.applied < echo.commit) return;',
        replace: 'if (echo === null) return;',
      },
    ],
  },
  {
    name: 'session read without the bound',
    edits: [
      {
        file: `${R}reads.ts`,
        find: 'state.head.applied >= bookmark.op && isWithinBound(state, nowMs);',
        replace: 'state.head.applied >= bookmark.op;',
      },
    ],
  },
  {
    name: 'deaf primary says that it is full',
    edits: [
      {
        file: `${R}requests.ts`,
        find: 'const isHopeless = isDeaf(step.state, primary, step.nowMs);',
        replace: 'const isHopeless = isDeaf(step.state, primary, 0);',
      },
    ],
  },
];
