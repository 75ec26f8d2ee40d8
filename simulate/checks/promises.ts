// What readers of each level were promised. I7: a session reads its own writes, and never goes back behind what it has
// seen. I8: a bounded read is not older than its bound. I9, I10, as visitors see it: what an acknowledged purge has
// promised away does not come back.
import type { LogEntry } from '../../core/replication/messages.ts';
import type { ObservedJoin, Seen } from '../clients/history.ts';
import { type Origin, versionOf } from '../clients/origin.ts';
import { START_AT } from '../engine/instance.ts';
import { must } from './violation.ts';

/** Of the rates of two clocks, and for what is on its way (the design's I8). */
const RATES = 1.021;
const TRAVEL_MS = 250;

export function checkSessions({ reads }: Seen): void {
  for (const { level, session, key, bookmark, sessionOp } of reads) {
    if (level === 'any' || level === 'bounded') continue;
    must(
      bookmark.op >= sessionOp,
      'I7',
      () => `session ${session} had seen op ${sessionOp}, then read ${key} at op ${bookmark.op}`,
    );
  }
}

export function checkPromises({ reads }: Seen, origin: Origin): void {
  for (const { level, key, rows, invokedAt, invokedMs, edge, session } of reads) {
    if (level === 'any') continue;
    const isLinearizable = level === 'linearizable';
    const promised = origin.promisedBefore(key, invokedAt, { isLinearizable, edge });
    for (const { value, staleFrom } of rows) {
      const version = versionOf(value.meta);
      const least = staleFrom === null ? promised.fresh : promised.any;
      must(
        version >= least,
        isLinearizable ? 'I10' : 'I9',
        () =>
          `version ${version} of ${key} was seen (${level}, by client ${session} at edge ${edge}, asked at ` +
          `${(invokedMs - START_AT).toFixed(1)}) after a purge promised ${least}`,
      );
    }
  }
}

/**
 * I10: who joins a fetch is promised what a linearizable read is, whatever its level: a majority confirmed after it had
 * come that nothing has overtaken the fetch.
 */
export function checkJoins(joins: readonly ObservedJoin[], origin: Origin): void {
  for (const { key, text, invokedAt, invokedMs, edge, session } of joins) {
    const { fresh } = origin.promisedBefore(key, invokedAt, { isLinearizable: true, edge });
    const version = versionOf(text);
    must(
      version >= fresh,
      'I10',
      () =>
        `client ${session} at edge ${edge}, come at ${(invokedMs - START_AT).toFixed(1)}, joined a fetch of ${key} that ` +
        `brought version ${version}, after a purge promised ${fresh}`,
    );
  }
}

/**
 * I8: a bounded read, and a session's, shows whatever was committed longer ago than the limit that held at the op it
 * shows; each answer says that limit. `boundMs`: before any op.
 */
export function checkBounds(
  { reads }: Seen,
  committed: readonly { readonly at: number; readonly entry: LogEntry }[],
  boundMs: number,
): void {
  const committedAt = committed.map(({ at }) => at);
  const limits = limitsByOp(
    committed.map(({ entry }) => entry),
    boundMs,
  );
  for (const { level, key, bookmark, invokedMs, isCopy, boundMs: toldMs } of reads) {
    const limitMs = limits[bookmark.op] ?? boundMs;
    must(
      toldMs === null || toldMs === limitMs,
      'I8',
      () =>
        `a read of ${key} at op ${bookmark.op} came with a limit of ${toldMs} ms, that of the op is ${limitMs} ms`,
    );
    if (level !== 'bounded' && level !== 'session') continue;
    const staleForMs = limitMs * RATES + TRAVEL_MS;
    const committedBefore = countBefore(committedAt, invokedMs - staleForMs);
    must(bookmark.op >= committedBefore, 'I8', () => {
      const age = invokedMs - (committedAt[bookmark.op] ?? invokedMs);
      return `a ${level} read of ${key}${isCopy ? ' from a copy' : ''} at op ${bookmark.op} was ${age.toFixed(0)} ms behind, ${staleForMs.toFixed(0)} ms are allowed`;
    });
  }
}

/** The limit that holds after each op, the newest configuration's; at 0 that of new groups. */
function limitsByOp(entries: readonly LogEntry[], boundMs: number): number[] {
  let newest = { boundMs, since: 0 };
  const limits = [boundMs];
  for (const { items } of entries) {
    for (const { command } of items) {
      if (command.type === 'bound' && command.since > newest.since) newest = command;
    }
    limits.push(newest.boundMs);
  }
  return limits;
}

/** How many of the ascending instants lie before `at`. O(log n). */
function countBefore(instants: readonly number[], at: number): number {
  let [low, high] = [0, instants.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((instants[middle] as number) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}
