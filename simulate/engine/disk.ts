// The disk of one member. A step's writes are seen by the next step at once, but they are durable only a little later,
// in order; until then nothing that depends on them may leave the object (the runtime's output gate). What is not
// durable when the object goes is lost, and so is what was held back.
import type { Write } from '../../core/replication/store.ts';
import type { MemoryStore } from '../memory-store.ts';
import type { Scheduler } from './scheduler.ts';

interface Batch {
  readonly writes: readonly Write[];
  /** What waits behind the gate until these writes are durable. */
  readonly held: (() => void)[];
}

export class Disk {
  /** What steps see. */
  visible: MemoryStore;
  /** What would be there after a crash; the same object as `visible` while every write is durable at once. */
  durable: MemoryStore;
  /** How long a write takes to become durable, ms; 0 = no time. */
  latencyMs: () => number = () => 0;
  private readonly scheduler: Scheduler;
  private batches: Batch[] = [];
  /** Grows with every object that goes: what an earlier one had under way is lost. */
  private life = 0;
  private lastDurableAt = 0;

  constructor(store: MemoryStore, scheduler: Scheduler) {
    this.visible = store;
    this.durable = store;
    this.scheduler = scheduler;
  }

  write(writes: readonly Write[]): void {
    const latency = this.latencyMs();
    if (latency === 0 && this.batches.length === 0) {
      this.durable.write(writes);
      if (this.visible !== this.durable) this.visible.write(writes);
      return;
    }
    // From the first slow write on there are two copies. The object goes on with the one it knows.
    if (this.visible === this.durable) this.durable = this.visible.clone();
    this.visible.write(writes);
    const batch: Batch = { writes, held: [] };
    this.batches.push(batch);
    this.lastDurableAt = Math.max(this.lastDurableAt, this.scheduler.now + latency);
    const { life } = this;
    this.scheduler.after(this.lastDurableAt - this.scheduler.now, () => {
      if (life !== this.life) return;
      this.batches.shift();
      this.durable.write(batch.writes);
      for (const leave of batch.held) leave();
    });
  }

  /** Nothing is under way: what is written is durable. */
  get isSettled(): boolean {
    return this.batches.length === 0;
  }

  /** Runs `leave` once everything written so far is durable: now, if it is. */
  behindGate(leave: () => void): void {
    const last = this.batches.at(-1);
    if (last === undefined) leave();
    else last.held.push(leave);
  }

  /** The object is gone: what is not durable is lost. */
  drop(): void {
    this.life += 1;
    this.batches = [];
    this.visible = this.durable;
  }

  /** The same for a disk that was lost or set back. */
  replace(store: MemoryStore): void {
    this.drop();
    this.durable = store;
    this.visible = store;
  }
}
