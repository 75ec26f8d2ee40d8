// Which groups a caller reaches by way of a backup, because their primary does not answer it. Now and then one call goes
// to the primary itself, to see whether it does again; the others need not wait for that.

interface Relay {
  readonly member: number;
  /** The next call from then on tries the primary. */
  retryAt: number;
}

const RETRY_MS = 10_000;
/** More than a map has groups. */
const GROUPS_MAX = 4_096;

export class Relays {
  readonly #byGroup = new Map<string, Relay>();

  /** The member to go by; null: straight to the primary. */
  via(groupId: string, nowMs: number): number | null {
    const relay = this.#byGroup.get(groupId);
    if (relay === undefined) return null;
    if (nowMs < relay.retryAt) return relay.member;
    relay.retryAt = nowMs + RETRY_MS;
    return null;
  }

  /** A member has answered for a primary that did not. */
  served(groupId: string, member: number, nowMs: number): void {
    if (this.#byGroup.get(groupId)?.member === member) return;
    if (this.#byGroup.size >= GROUPS_MAX) this.#byGroup.clear();
    this.#byGroup.set(groupId, { member, retryAt: nowMs + RETRY_MS });
  }

  /** The primary answers again, or the member no longer does. */
  forget(groupId: string): void {
    this.#byGroup.delete(groupId);
  }
}
