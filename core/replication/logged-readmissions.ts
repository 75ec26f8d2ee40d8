// The readmissions among the entries of a log that are not applied yet: they count already against older incarnations.
import type { LogEntry } from './messages.ts';
import type { ReplicaStore } from './store.ts';

export interface LoggedReadmission {
  readonly op: number;
  readonly member: number;
  readonly incarnation: number;
}

const READ_BYTES = 1024 * 1024;

/** O(items). */
export function readmissionsOf({ op, items }: LogEntry): LoggedReadmission[] {
  return items.flatMap(({ command }) => {
    if (command.type !== 'readmit') return [];
    const { member, incarnation } = command;
    return [{ op, member, incarnation }];
  });
}

/** From the store, at boot. O(items that are logged and not applied). */
export function unappliedReadmissions(
  store: ReplicaStore,
  applied: number,
  last: number,
): LoggedReadmission[] {
  const found: LoggedReadmission[] = [];
  for (let from = applied + 1; from <= last; ) {
    const entries = store.logEntries(from, READ_BYTES);
    found.push(...entries.flatMap(readmissionsOf));
    from = (entries.at(-1)?.op ?? last) + 1;
  }
  return found;
}
