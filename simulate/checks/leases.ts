// I11: one flight per lease. While a lease runs, its primary gives no other for the same key, unless what its holder
// fetches has become useless: the lease was given back, the fill was applied, or a write or purge came in between.

import type { FillToken, PurgeSelector } from '../../core/replication/commands.ts';
import type { Effect } from '../../core/replication/effects.ts';
import { DEFAULT_LIMITS } from '../../core/replication/limits.ts';
import type { ClientAnswer, LogEntry, ReplicaEvent } from '../../core/replication/messages.ts';
import { compareViewstamps } from '../../core/replication/viewstamp.ts';
import type { Cluster } from '../engine/cluster.ts';
import type { Instance } from '../engine/instance.ts';
import { must } from './violation.ts';

interface Granted {
  readonly token: FillToken;
  /** By the clock of the object that gave it. */
  readonly until: number;
}

export class Leases {
  private readonly cluster: Cluster;
  private readonly leaseMs: number;
  /** What logs no longer hold. */
  private readonly committed: readonly { readonly entry: LogEntry }[];
  /** By object and view, then by key. */
  private readonly granted = new WeakMap<Instance, Map<string, Granted>>();
  private readonly asked = new WeakMap<Instance, Map<number, string>>();

  constructor(cluster: Cluster, committed: readonly { readonly entry: LogEntry }[]) {
    this.cluster = cluster;
    this.committed = committed;
    this.leaseMs = cluster.limits.leaseMs ?? DEFAULT_LIMITS.leaseMs;
  }

  step(instance: Instance, event: ReplicaEvent, effects: readonly Effect[]): void {
    if (event.type === 'client') this.note(instance, event.id, event.request);
    if (event.type === 'clients')
      for (const { id, request } of event.clients) this.note(instance, id, request);
    for (const effect of effects) {
      if (effect.type === 'reply') this.hear(instance, effect.id, effect.answer);
    }
  }

  private note(
    instance: Instance,
    id: number,
    request: { readonly type: string; readonly key?: string },
  ): void {
    const { key } = request;
    if (key === undefined || !['read', 'lease', 'release'].includes(request.type)) return;
    mapOf(this.asked, instance).set(id, key);
  }

  private hear(instance: Instance, id: number, answer: ClientAnswer): void {
    const key = this.asked.get(instance)?.get(id);
    if (key === undefined) return;
    this.asked.get(instance)?.delete(id);
    const granted = mapOf(this.granted, instance);
    if (answer.type === 'released' && answer.released) granted.delete(key);
    const lease = answer.type === 'rows' || answer.type === 'lease' ? answer.lease : null;
    if (lease?.type !== 'granted') return;
    const now = instance.clock(this.cluster.scheduler.now);
    const before = granted.get(key);
    const isOver =
      before === undefined ||
      before.until <= now ||
      before.token.view !== lease.token.view ||
      isUseless(key, before.token, instance, this.committed);
    must(isOver, 'I11', () => `member ${instance.memberId} gave two leases for ${key} at a time`);
    granted.set(key, { token: lease.token, until: now + this.leaseMs });
  }
}

/** Something has happened to the key since, by what this object has committed. */
function isUseless(
  key: string,
  token: FillToken,
  { state, store }: Instance,
  committed: readonly { readonly entry: LogEntry }[],
): boolean {
  for (let op = state.head.commit; op > token.op; op--) {
    const entry = store.entryAt(op) ?? committed[op - 1]?.entry;
    for (const { command } of entry?.items ?? []) {
      // What a flight will be tagged with is not known yet: only a purge by URL spares the others.
      if (command.type === 'purge' && isAbout(command.selector, key)) return true;
      if ((command.type === 'put' || command.type === 'delete') && command.key === key) return true;
      if (command.type !== 'fill' || command.key !== key) continue;
      if (compareViewstamps(command.token, token) === 0 && command.token.t === token.t) return true;
    }
  }
  return false;
}

function isAbout(selector: PurgeSelector, key: string): boolean {
  return selector.type !== 'url' || selector.key === key;
}

function mapOf<K, V>(maps: WeakMap<Instance, Map<K, V>>, instance: Instance): Map<K, V> {
  const known = maps.get(instance);
  if (known !== undefined) return known;
  const map = new Map<K, V>();
  maps.set(instance, map);
  return map;
}
