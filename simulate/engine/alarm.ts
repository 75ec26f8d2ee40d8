// The one alarm of an object: durable, told at least once, sometimes late, sometimes twice, and told again after a
// failure. It wakes an object that is not in memory.
import type { Cluster } from './cluster.ts';
import type { Member } from './member.ts';
import type { Scheduled } from './scheduler.ts';

const RETRY_MS = 2_000;

export class Alarm {
  /** By the object's clock, epoch ms; null: none is set. */
  atMs: number | null = null;
  private readonly cluster: Cluster;
  private readonly member: () => Member;
  private scheduled: Scheduled | null = null;

  constructor(cluster: Cluster, member: () => Member) {
    this.cluster = cluster;
    this.member = member;
  }

  set(atMs: number | null): void {
    this.atMs = atMs;
    if (this.scheduled !== null) this.scheduled.run = null;
    this.scheduled = null;
    if (atMs === null) return;
    const { cluster } = this;
    const { scheduler, chance, faults } = cluster;
    // The platform's clock tells when it is due, not that of the object, which may have been replaced by then.
    const member = this.member();
    let delay = member.instance?.untilClock(atMs, scheduler.now) ?? Math.max(0, atMs - scheduler.now);
    const isLate = chance.hits(faults.alarmLate);
    if (isLate) delay += chance.heavyTailed(500, 60_000);
    this.scheduled = scheduler.after(delay, () => {
      if (isLate) cluster.happened('alarm-late', member);
      this.ring(0);
    });
  }

  private ring(attempt: number): void {
    const { cluster } = this;
    const { chance, faults, scheduler } = cluster;
    const member = this.member();
    const again = (): void => {
      this.scheduled = scheduler.after(RETRY_MS * 2 ** Math.min(attempt, 5), () => this.ring(attempt + 1));
    };
    if (chance.hits(faults.alarmLost)) {
      cluster.happened('alarm-lost', member);
      again();
      return;
    }
    const isTwice = chance.hits(faults.alarmTwice);
    if (isTwice) cluster.happened('alarm-twice', member);
    const instance = cluster.awake(member);
    if (instance === null) {
      again();
      return;
    }
    // It counts as told before the object runs, which may set the next one.
    this.atMs = null;
    this.scheduled = null;
    if (isTwice) again();
    cluster.run(instance, { type: 'alarm' }, null);
  }
}
