// What a simulated coordinator has written of purges, over a plain map.
import type { Intent, IntentStore, Target } from '../core/purging/intent.ts';
import type { PurgeSelection } from '../core/purging/purge-selection.ts';

interface Written {
  readonly intent: Intent;
  readonly selection: PurgeSelection;
  readonly triedAt: number;
}

export class MemoryIntents implements IntentStore {
  /** In the order of creation. */
  private readonly purges: Map<string, Written>;

  constructor(purges: ReadonlyMap<string, Written> = new Map()) {
    this.purges = new Map(purges);
  }

  /** What is written now, to go on from after a restart. */
  clone(): MemoryIntents {
    return new MemoryIntents(this.purges);
  }

  find(purgeId: string): Intent | null {
    return this.purges.get(purgeId)?.intent ?? null;
  }

  add(intent: Intent, selection: PurgeSelection): void {
    this.purges.set(intent.purgeId, { intent, selection, triedAt: intent.createdAt });
  }

  selection(purgeId: string): PurgeSelection {
    return this.known(purgeId).selection;
  }

  setTargets(purgeId: string, targets: readonly Target[]): void {
    const copied = targets.map((target) => ({ ...target }));
    this.change(purgeId, { targets: copied });
  }

  setTried(purgeId: string, triedAt: number): void {
    const known = this.purges.get(purgeId);
    if (known !== undefined) this.purges.set(purgeId, { ...known, triedAt });
  }

  setDone(purgeId: string, doneAt: number): void {
    this.change(purgeId, { doneAt });
  }

  pending(limit: number): Intent[] {
    return [...this.purges.values()]
      .filter(({ intent }) => intent.doneAt === null)
      .sort((a, b) => a.triedAt - b.triedAt)
      .slice(0, limit)
      .map(({ intent }) => intent);
  }

  pendingCount(): number {
    return this.pending(Number.POSITIVE_INFINITY).length;
  }

  oldestAt(): number | null {
    const [oldest] = this.purges.values();
    return oldest?.intent.createdAt ?? null;
  }

  forget(createdBefore: number, limit: number): Intent[] {
    const oldest = [...this.purges.values()].slice(0, limit).map(({ intent }) => intent);
    const old = oldest.filter(({ createdAt }) => createdAt < createdBefore);
    for (const { purgeId } of old) this.purges.delete(purgeId);
    return old.filter(({ doneAt }) => doneAt === null);
  }

  /** Where it was forgotten meanwhile nothing changes, as in a table. */
  private change(purgeId: string, more: Partial<Intent>): void {
    const known = this.purges.get(purgeId);
    if (known !== undefined) this.purges.set(purgeId, { ...known, intent: { ...known.intent, ...more } });
  }

  private known(purgeId: string): Written {
    const known = this.purges.get(purgeId);
    if (known === undefined) throw new Error(`There is no purge "${purgeId}"`);
    return known;
  }
}
