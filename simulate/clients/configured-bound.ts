// The staleness bound as somebody changes it in the configuration while clients work. Edges hear of a change soon or
// late, each by itself, and say what they know with every call; so the group hears old news long after newer ones.
import type { BoundNews } from '../../core/replication/bound.ts';
import type { Chance } from '../engine/chance.ts';
import type { Scheduler } from '../engine/scheduler.ts';

const MIN_MS = 300;
const MAX_MS = 3_000;
const HEARD_AFTER_MS = 20_000;

export class ConfiguredBound {
  newest: BoundNews;
  private readonly known: BoundNews[];
  private readonly everyMs: number | null;
  private readonly chance: Chance;
  private readonly scheduler: Scheduler;
  private isOver = false;

  /** `boundMs`: of new groups. Half of the runs never change it. */
  constructor(chance: Chance, scheduler: Scheduler, boundMs: number, edges: number) {
    this.chance = chance;
    this.scheduler = scheduler;
    this.newest = { boundMs, since: 0 };
    this.known = Array.from({ length: edges }, () => this.newest);
    this.everyMs = chance.hits(0.5) ? chance.between(2_000, 20_000) : null;
  }

  start(): void {
    if (this.everyMs === null) return;
    this.scheduler.after(this.chance.next() * 2 * this.everyMs, () => {
      if (this.isOver) return;
      this.change();
      this.start();
    });
  }

  /** null: the edge has heard of no change. */
  knownAt(edge: number): BoundNews | null {
    const known = this.known[edge];
    return known === undefined || known.since === 0 ? null : known;
  }

  /** Every edge knows the newest, which stays. */
  settle(): void {
    this.isOver = true;
    this.known.fill(this.newest);
  }

  private change(): void {
    const boundMs = Math.round(this.chance.between(MIN_MS, MAX_MS));
    const news = { boundMs, since: this.newest.since + 1 };
    this.newest = news;
    for (const edge of this.known.keys()) {
      this.scheduler.after(this.chance.heavyTailed(50, HEARD_AFTER_MS), () => {
        if ((this.known[edge]?.since ?? 0) < news.since) this.known[edge] = news;
      });
    }
  }
}
