// How new this isolate knows each group's state to have been, and until when that counts: what every answer of a group
// tells beside what it was asked for. By this a copy that another isolate has made can be judged without that one's clock.
// A copy read at place k of the group's log shows all that was committed up to k; if an answer that this isolate asked for
// came from a place not beyond k, then the copy is no older than that answer, and may be used for as long.
import { isNewer, type Viewstamp } from './viewstamp.ts';

interface Contact {
  /** What was applied where the answer came from. */
  readonly place: Viewstamp;
  /** Until when the answer counts: epoch ms, this isolate's clock. */
  readonly until: number;
}

/** More than a map has groups; beyond, all are forgotten, which costs questions only. */
const GROUPS_MAX = 1_024;
/** Of one group; the oldest are forgotten. */
const CONTACTS_MAX = 64;
/** Of answers that are closer together the later one will do, so that those of the whole bound have room. */
const APART_MS = 200;

export class Contacts {
  /** In the order in which they run out. */
  readonly #byGroup = new Map<string, Contact[]>();

  /** `until`: when it was asked, plus what is left of its bound. O(64). */
  heard(groupId: string, place: Viewstamp, until: number): void {
    const contacts = this.#byGroup.get(groupId);
    if (contacts === undefined) {
      if (this.#byGroup.size >= GROUPS_MAX) this.#byGroup.clear();
      this.#byGroup.set(groupId, [{ place, until }]);
      return;
    }
    // Another counts as long, and for older copies as well.
    if (contacts.some((one) => one.until >= until && !isNewer(one.place, place))) return;
    const kept = contacts.filter((one) => one.until > until || isNewer(place, one.place));
    const later = kept.findIndex((one) => one.until > until);
    const [before] = kept.slice(-2);
    if (later < 0 && kept.length > 1 && before !== undefined && until - before.until < APART_MS) kept.pop();
    kept.splice(later < 0 ? kept.length : later, 0, { place, until });
    this.#byGroup.set(groupId, kept.slice(-CONTACTS_MAX));
  }

  /** Whether any copy of that group could be used. */
  hasAny(groupId: string, nowMs: number): boolean {
    return (this.#byGroup.get(groupId)?.at(-1)?.until ?? Number.NEGATIVE_INFINITY) > nowMs;
  }

  /** Until when a copy may be used that was read of that group at that place; −Infinity: not at all. O(64). */
  usableUntil(groupId: string, place: Viewstamp): number {
    const found = this.#byGroup.get(groupId)?.findLast((one) => !isNewer(one.place, place));
    return found?.until ?? Number.NEGATIVE_INFINITY;
  }
}
