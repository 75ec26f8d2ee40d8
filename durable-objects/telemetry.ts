// What all isolates counted and everything noteworthy that happened: one object, fed in batches off the request's
// path. Every call is one transaction; a batch that arrives twice counts once.
import { DurableObject } from 'cloudflare:workers';
import type { NewEvent, Stats, StoredEvent, TelemetryBatch, TelemetryRpc } from './interfaces/telemetry.ts';
import { CounterStore } from './telemetry/counter-store.ts';
import { EventStore } from './telemetry/event-store.ts';
import { ExplanationStore } from './telemetry/explanation-store.ts';
import { buildStats } from './telemetry/stats.ts';

export class Telemetry extends DurableObject implements TelemetryRpc {
  private readonly counters: CounterStore;
  private readonly eventStore: EventStore;
  private readonly explanationStore: ExplanationStore;

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env);
    this.counters = new CounterStore(ctx.storage.sql, Date.now());
    this.eventStore = new EventStore(ctx.storage.sql);
    this.explanationStore = new ExplanationStore(ctx.storage.sql);
  }

  async append(batch: TelemetryBatch): Promise<void> {
    try {
      this.ctx.storage.transactionSync(() => {
        if (!this.counters.claim(batch, Date.now())) return;
        this.counters.count(batch);
        this.eventStore.add(batch.events);
        if (batch.explanations) this.explanationStore.add(batch.explanations);
      });
    } catch (error) {
      this.counters.rolledBack();
      throw error;
    }
  }

  async record(events: readonly NewEvent[]): Promise<void> {
    this.ctx.storage.transactionSync(() => this.eventStore.add(events));
  }

  async events(
    after: string | null,
    limit: number,
  ): Promise<{ events: StoredEvent[]; cursor: string | null }> {
    return this.eventStore.page(after, limit);
  }

  async explanation(id: string): Promise<string | null> {
    return this.explanationStore.find(id);
  }

  async explanations(route: string | null, limit: number): Promise<string[]> {
    return this.explanationStore.list(route, limit);
  }

  async explainKey(): Promise<string> {
    return this.explanationStore.key();
  }

  async stats(nowMs: number): Promise<Stats> {
    return buildStats(
      nowMs,
      this.counters.startedAt(),
      this.counters.readTotals().values(),
      this.counters.readSeconds(nowMs),
      this.counters.readShardWork(),
    );
  }
}
