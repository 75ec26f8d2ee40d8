// Replays the committed log with the model and compares: every acknowledged write is in the log and took effect once,
// with the result that was told; every read shows the state of the op that it names; and the order of the log fits real
// time. The log is the witness, so no search is needed; `linearizable.ts` judges without it.
import type { CommandResult } from '../../core/replication/commands.ts';
import type { LiveRow, LogEntry } from '../../core/replication/messages.ts';
import type { ObservedRead, ObservedWrite, Seen } from '../clients/history.ts';
import { COUNTER } from '../clients/keys.ts';
import { type Expected, type LiveModelRow, Model } from './model.ts';
import { must } from './violation.ts';

interface Happened {
  readonly op: number;
  readonly expected: Expected;
}

/** `shard`: of the group whose log it is; `history`: what was seen of that. */
export function checkReplay(
  history: Seen,
  committed: readonly LogEntry[],
  { shard, variantsMax }: { readonly shard: number; readonly variantsMax: number },
): Model {
  const happened = new Map<string, Happened>();
  const told = new Map(history.writes.map((write) => [write.reqId, write.result]));
  const model = new Model(variantsMax);
  const readsByOp = new Map<number, ObservedRead[]>();
  for (const read of history.reads) {
    const atOp = readsByOp.get(read.bookmark.op);
    if (atOp === undefined) readsByOp.set(read.bookmark.op, [read]);
    else atOp.push(read);
    must(
      read.bookmark.op <= committed.length,
      'I2',
      () => `a read saw op ${read.bookmark.op}, which was never committed`,
    );
  }
  const judge = (op: number): void => {
    for (const read of readsByOp.get(op) ?? []) checkRead(read, model);
  };
  judge(0);
  for (const entry of committed) {
    for (let item = 0; item < entry.items.length; item++) {
      const { reqId, command } = entry.items[item] as LogEntry['items'][number];
      if (reqId !== '' && happened.has(reqId)) continue;
      const expected = model.apply(entry, item, command, told.get(reqId) ?? null);
      if (reqId !== '') happened.set(reqId, { op: entry.op, expected });
    }
    judge(entry.op);
  }
  for (const write of history.writes) checkWrite(write, happened.get(write.reqId));
  checkRealTime(history, happened, shard);
  return model;
}

function checkRead(read: ObservedRead, model: Model): void {
  const expected = model.live(read.key, read.t);
  const { rows } = read;
  const isSame = (row: LiveRow, there: LiveModelRow | undefined): boolean =>
    there !== undefined &&
    row.value.meta === there.meta &&
    numberIn(row) === there.number &&
    (row.staleFrom !== null) === there.isStale;
  const same = rows.length === expected.length && rows.every((row, i) => isSame(row, expected[i]));
  must(same, 'I5', () => {
    const seen = rows.map(({ value, staleFrom }) => `${value.meta}${staleFrom === null ? '' : ' (stale)'}`);
    const there = expected.map(({ meta, isStale }) => `${meta}${isStale ? ' (stale)' : ''}`);
    return `a read of ${read.key} at op ${read.bookmark.op} saw [${seen}] where [${there}] was`;
  });
}

/** What a counter stands at; null: the row is none. */
function numberIn({ value: { meta, body } }: LiveRow): number | null {
  return meta === COUNTER && body.type === 'inline' ? Number(String.fromCharCode(...body.bytes)) : null;
}

/** I2, I6: it is there, once, and its result is what the first occurrence gave. */
function checkWrite(write: ObservedWrite, happened: Happened | undefined): void {
  const { reqId, result, bookmark } = write;
  must(
    !write.isRefused || happened === undefined,
    'I6',
    () => `${reqId} was refused, but is in the committed log`,
  );
  if (result === null || bookmark === null) return;
  must(happened !== undefined, 'I2', () => `${reqId} was acknowledged, but is not in the committed log`);
  must(happened.op <= bookmark.op, 'I7', () => `the bookmark of ${reqId} does not cover it`);
  const { expected } = happened;
  if (expected?.type === 'exactly') {
    must(
      sameResult(result, expected.result),
      'I6',
      () => `${reqId} was told ${JSON.stringify(result)}, but it did ${JSON.stringify(expected.result)}`,
    );
  } else if (expected?.type === 'fill') {
    const tooOld = result.type === 'fill-refused' && result.reason === 'token-below-floor';
    const accepted = result.type === 'filled';
    must(
      accepted === expected.accepted || tooOld,
      'I10',
      () =>
        `${reqId} was told ${JSON.stringify(result)}, but its token ${expected.accepted ? 'was good' : 'was older than what happened since'}`,
    );
  }
}

function sameResult(a: CommandResult, b: CommandResult): boolean {
  return a === b || JSON.stringify(a, Object.keys(a).sort()) === JSON.stringify(b, Object.keys(b).sort());
}

/** I5: what was answered before something was invoked stands before it in the log as well. */
function checkRealTime(history: Seen, happened: ReadonlyMap<string, Happened>, shard: number): void {
  const points: { at: number; invoked: boolean; op: number; what: string }[] = [];
  for (const { reqId, invokedAt, answeredAt } of history.writes) {
    const op = happened.get(reqId)?.op;
    if (op === undefined) continue;
    points.push({ at: invokedAt, invoked: true, op, what: reqId });
    if (answeredAt !== null) points.push({ at: answeredAt, invoked: false, op, what: reqId });
  }
  for (const { purgeId, invokedAt, answeredAt, bookmarks } of history.purges) {
    const bookmark = bookmarks.get(shard);
    if (answeredAt === null || bookmark === undefined) continue;
    points.push({ at: invokedAt, invoked: true, op: bookmark.op, what: purgeId });
    points.push({ at: answeredAt, invoked: false, op: bookmark.op, what: purgeId });
  }
  for (const { level, invokedAt, answeredAt, bookmark, key } of history.reads) {
    if (level === 'linearizable') points.push({ at: invokedAt, invoked: true, op: bookmark.op, what: key });
    // Whatever was seen at any level was committed: it is there for all that comes later.
    points.push({ at: answeredAt, invoked: false, op: bookmark.op, what: key });
  }
  points.sort((a, b) => a.at - b.at);
  let newest = { op: 0, what: 'the beginning' };
  for (const { invoked, op, what } of points) {
    if (!invoked) newest = op > newest.op ? { op, what } : newest;
    else
      must(
        op >= newest.op,
        'I5',
        () => `${what} at op ${op} began after ${newest.what} had shown op ${newest.op}`,
      );
  }
}
