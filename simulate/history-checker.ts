// Judges what clients saw against the committed log, with a model of its own: every acknowledged write is in the log
// and took effect once, with the result that was told; reads fit the order of the log, and that order fits real time
// (I5, for single keys: the log is the witness, so no search is needed); no purged or older response came back (I10).
import type { Command, CommandResult } from '../core/replication/commands.ts';
import type { LogEntry } from '../core/replication/messages.ts';
import type { Row } from '../core/replication/store.ts';
import { compareViewstamps, type Viewstamp } from '../core/replication/viewstamp.ts';
import { isKvEntryKey } from '../core/sharding/entry-key.ts';
import type { History, ObservedRead, ObservedWrite } from './history.ts';
import { must } from './step-checker.ts';

interface ModelRow {
  readonly meta: string;
  readonly etag: string;
  readonly expireAt: number | null;
}

interface Happened {
  readonly op: number;
  readonly result: CommandResult | null;
}

export function checkHistory(history: History, committed: readonly LogEntry[]): void {
  const happened = new Map<string, Happened>();
  const model = new Map<string, ModelRow>();
  const readsByOp = new Map<number, ObservedRead[]>();
  for (const read of history.reads) {
    const atOp = readsByOp.get(read.bookmark.op) ?? [];
    readsByOp.set(read.bookmark.op, atOp);
    atOp.push(read);
  }
  const bornOf = new Map<string, Viewstamp>();
  const judge = (op: number): void => {
    for (const read of readsByOp.get(op) ?? []) {
      if (isKvEntryKey(read.key)) checkValue(read, model.get(read.key));
      else checkResponse(read, bornOf);
    }
  };
  judge(0);
  for (const entry of committed) {
    entry.items.forEach(({ reqId, command }, index) => {
      if (reqId !== '' && happened.has(reqId)) return;
      const result = play(model, command, entry, index);
      if (reqId !== '') happened.set(reqId, { op: entry.op, result });
    });
    judge(entry.op);
  }
  for (const read of history.reads) {
    must(
      read.bookmark.op <= committed.length,
      `a read saw op ${read.bookmark.op}, which was never committed`,
    );
  }
  for (const write of history.writes) checkWrite(write, happened.get(write.reqId));
  checkRealTime(history, happened);
}

/** What the command does to key-value data; null where this model does not say. */
function play(
  model: Map<string, ModelRow>,
  command: Command,
  entry: LogEntry,
  item: number,
): CommandResult | null {
  if (command.type === 'purge') return { type: 'purged' };
  if (command.type !== 'put' && command.type !== 'delete') return null;
  const known = model.get(command.key);
  const live = known !== undefined && (known.expireAt === null || known.expireAt > entry.t);
  const { condition } = command;
  const fails =
    (condition?.type === 'absent' && live) ||
    (condition?.type === 'exists' && !live) ||
    (condition?.type === 'etag' && !(live && condition.etags.includes(known.etag)));
  if (fails) return { type: 'condition-failed', etag: live ? known.etag : null };
  if (command.type === 'delete') {
    model.delete(command.key);
    return { type: 'deleted', existed: live };
  }
  const etag = [entry.view, entry.op, item].map((part) => part.toString(36)).join('-');
  const expireAt = command.ttlMs === null ? null : entry.t + command.ttlMs;
  model.set(command.key, { meta: command.value.meta, etag, expireAt });
  return { type: 'stored', created: !live, etag };
}

function checkValue(read: ObservedRead, known: ModelRow | undefined): void {
  const live = known !== undefined && (known.expireAt === null || known.expireAt > read.t);
  const expected = live ? known.meta : 'nothing';
  const seen = read.rows[0]?.value.meta ?? 'nothing';
  must(
    seen === expected,
    `I5: a read of ${read.key} at op ${read.bookmark.op} saw ${seen} instead of ${expected}`,
  );
}

function checkResponse(read: ObservedRead, bornOf: Map<string, Viewstamp>): void {
  for (const row of read.rows) {
    const version = versionOf(row);
    must(
      version >= read.versionAtLeast,
      `I10: version ${version} of ${read.key} was seen after a purge promised ${read.versionAtLeast}`,
    );
    const newest = bornOf.get(read.key);
    must(
      newest === undefined || compareViewstamps(row.born, newest) >= 0,
      `I10: a response of ${read.key} came back from before one that had replaced it`,
    );
    bornOf.set(read.key, row.born);
  }
}

function versionOf(row: Row): number {
  return Number(row.value.meta.slice(1));
}

/** I2, I6: it is there, once, and its result is what the first occurrence gave. */
function checkWrite(write: ObservedWrite, happened: Happened | undefined): void {
  if (write.result === null || write.bookmark === null) return;
  must(happened !== undefined, `I2: ${write.reqId} was acknowledged, but is not in the committed log`);
  must(happened.op <= write.bookmark.op, `the bookmark of ${write.reqId} does not cover it`);
  if (happened.result === null) return;
  const [told, true_] = [JSON.stringify(write.result), JSON.stringify(happened.result)];
  must(told === true_, `I6: ${write.reqId} was told ${told}, but it did ${true_}`);
}

/** What was answered before something was invoked stands before it in the log as well. */
function checkRealTime(history: History, happened: ReadonlyMap<string, Happened>): void {
  const points: { at: number; invoked: boolean; op: number; what: string }[] = [];
  for (const write of history.writes) {
    const op = happened.get(write.reqId)?.op;
    if (op === undefined) continue;
    points.push({ at: write.invokedAt, invoked: true, op, what: write.reqId });
    if (write.answeredAt !== null) {
      points.push({ at: write.answeredAt, invoked: false, op, what: write.reqId });
    }
  }
  for (const { invokedAt, answeredAt, bookmark, key } of history.reads) {
    points.push({ at: invokedAt, invoked: true, op: bookmark.op, what: `a read of ${key}` });
    points.push({ at: answeredAt, invoked: false, op: bookmark.op, what: `a read of ${key}` });
  }
  points.sort((a, b) => a.at - b.at);
  let newest = { op: 0, what: 'the beginning' };
  for (const { invoked, op, what } of points) {
    if (!invoked) newest = op > newest.op ? { op, what } : newest;
    else
      must(op >= newest.op, `I5: ${what} at op ${op} began after ${newest.what} had shown op ${newest.op}`);
  }
}
