// The one row of the `head` table as the core sees it.
import type { DurableHead } from '../../core/replication/store.ts';
import type { LogEnds } from './log-table.ts';

export type HeadRow = {
  groupId: string;
  shard: number;
  memberId: number;
  memberCount: number;
  incarnation: number;
  epoch: number;
  view: number;
  floorView: number;
  floorOp: number;
  commit: number;
  applied: number;
  appliedT: number;
  fillFloorView: number;
  fillFloorOp: number;
  fillMarkView: number;
  fillMarkOp: number;
  fillMarkT: number;
  httpBytes: number;
  kvBytes: number;
  kvKeptBytes: number;
  entries: number;
  stateHash: number;
  boundMs: number;
  boundSince: number;
  boundMaxMs: number;
  /** JSON; null before any readmission. */
  incarnations: string | null;
};

/** What the head says beside its row. */
type HeadFacts = Pick<DurableHead, 'isInstalling' | 'forsaken'>;

export function headFromRow(row: HeadRow, log: LogEnds, facts: HeadFacts): DurableHead {
  const { groupId, shard, memberId, memberCount, incarnation, epoch } = row;
  const { commit, applied, appliedT, fillMarkT, httpBytes, kvBytes, kvKeptBytes, entries, stateHash } = row;
  return {
    identity: { groupId, shard, memberId, memberCount, incarnation, epoch },
    view: row.view,
    lastLogged: { view: log.last.view, op: log.last.op },
    lastT: log.lastT ?? appliedT,
    firstOp: log.before.op + 1,
    beforeFirst: { view: log.before.view, op: log.before.op },
    logBytes: log.bytes,
    floor: { view: row.floorView, op: row.floorOp },
    ...facts,
    commit,
    applied,
    appliedT,
    fillFloor: { view: row.fillFloorView, op: row.fillFloorOp },
    fillMark: { view: row.fillMarkView, op: row.fillMarkOp },
    fillMarkT,
    httpBytes,
    kvBytes,
    kvKeptBytes,
    entries,
    stateHash,
    boundMs: row.boundMs,
    boundSince: row.boundSince,
    boundMaxMs: row.boundMaxMs,
    incarnations: row.incarnations === null ? [] : JSON.parse(row.incarnations),
  };
}
