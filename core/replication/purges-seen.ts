// The newest purge in each group that this isolate knows to be committed, because it had it made: whoever purges here and
// looks here next sees that it is done, although members that answer bounded reads may hear of it later.
import { isNewer, type Viewstamp } from './viewstamp.ts';

export interface PurgesSeen {
  saw(groupId: string, viewstamp: Viewstamp): void;
  /** null: none that is known. */
  lastIn(groupId: string): Viewstamp | null;
}

/** More than a map has groups; beyond, all are forgotten, which costs no more than the bound of bounded reads. */
const GROUPS_MAX = 1_024;

export function createPurgesSeen(): PurgesSeen {
  const last = new Map<string, Viewstamp>();
  return {
    saw(groupId, viewstamp) {
      const known = last.get(groupId);
      if (known !== undefined && !isNewer(viewstamp, known)) return;
      if (known === undefined && last.size >= GROUPS_MAX) last.clear();
      last.set(groupId, viewstamp);
    },
    lastIn: (groupId) => last.get(groupId) ?? null,
  };
}
