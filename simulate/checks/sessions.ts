// I7: a session reads its own writes, and never goes back behind what it has seen. I10, as visitors see it: what an
// acknowledged purge has promised away does not come back.
import type { History } from '../clients/history.ts';
import { type Origin, versionOf } from '../clients/origin.ts';
import { must } from './violation.ts';

export function checkSessions({ reads }: History): void {
  for (const { level, session, key, bookmark, sessionOp } of reads) {
    if (level === 'any' || level === 'bounded') continue;
    must(
      bookmark.op >= sessionOp,
      'I7',
      () => `session ${session} had seen op ${sessionOp}, then read ${key} at op ${bookmark.op}`,
    );
  }
}

export function checkPromises({ reads }: History, origin: Origin): void {
  for (const { level, key, rows, invokedAt } of reads) {
    if (level !== 'linearizable') continue;
    const promised = origin.promisedBefore(key, invokedAt);
    for (const { value, staleFrom } of rows) {
      const version = versionOf(value.meta);
      const least = staleFrom === null ? promised.fresh : promised.any;
      must(
        version >= least,
        'I10',
        () => `version ${version} of ${key} was seen after a purge promised ${least}`,
      );
    }
  }
}
