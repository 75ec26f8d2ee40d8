// I13: logs, queues and memory stay bounded, whatever happens.
import { DEFAULT_LIMITS, type ReplicaLimits } from '../../core/replication/limits.ts';
import type { Cluster } from '../engine/cluster.ts';
import type { Instance } from '../engine/instance.ts';
import type { Member } from '../engine/member.ts';
import { must } from './violation.ts';

/** Entries cut in one step at most: a log may be over its bound by so many. */
const LOG_SLACK = 512;
/** As many of these as clients ask for. */
const WITH_DATA: ReadonlySet<string> = new Set(['prepare', 'confirm', 'chunk', 'pull', 'fetchChunk']);
/** Things under way in the whole simulated world. */
const PENDING_MAX = 20_000;

export class Bounds {
  private readonly cluster: Cluster;
  private readonly limits: ReplicaLimits;

  /** Since when, and how many of each kind have left since. */
  private window = { from: 0, sent: new Map<string, number>() };

  constructor(cluster: Cluster) {
    this.cluster = cluster;
    this.limits = { ...DEFAULT_LIMITS, ...cluster.limits };
  }

  /** No exchange may go round without a pause. */
  countSent(type: string): void {
    const { now } = this.cluster.scheduler;
    if (now - this.window.from > 1_000) this.window = { from: now, sent: new Map() };
    const { sent } = this.window;
    const count = (sent.get(type) ?? 0) + 1;
    sent.set(type, count);
    const most = WITH_DATA.has(type) ? 4_000 : 30 * this.cluster.members.length;
    must(count <= most, 'I13', () => `${count} messages of type ${type} within a second`);
  }

  check({ id }: Member, { state, callers, timers }: Instance): void {
    const { limits } = this;
    const { log, overlay, primary } = state;
    const logged = log.last.op - log.before.op;
    must(
      logged <= limits.logOpsMax + LOG_SLACK,
      'I13',
      () => `the log of member ${id} has ${logged} entries`,
    );
    must(
      overlay.changes <= limits.overlayRowsMax + 1_024,
      'I13',
      () => `member ${id} holds ${overlay.changes} changes in memory`,
    );
    must(callers.size <= limits.queueMax, 'I13', () => `${callers.size} callers wait for member ${id}`);
    must(timers.size <= 16, 'I13', () => `member ${id} holds ${timers.size} timers`);
    must(this.cluster.scheduler.pending <= PENDING_MAX, 'I13', () => 'the world is too busy');
    if (primary === null) return;
    must(
      primary.leases.size <= limits.leasesMax,
      'I13',
      () => `member ${id} holds ${primary.leases.size} leases`,
    );
    must(
      primary.pendingByOp.size <= 2 * limits.windowMax + 1,
      'I13',
      () => `member ${id} has ${primary.pendingByOp.size} ops pending`,
    );
  }
}
