// I11: one flight per lease. While a lease runs, renewals counted, its primary gives no other for the same key, unless
// what its holder fetches has become useless: the lease was given back, the fill was applied, or a write or purge came in
// between. So leases per miss are one, and one more for each change or restart of the primary, each that ran out and each
// purge. I10: nobody is told to wait for a flight that is over, or older than a purge; and none such is prolonged.

import type { FillToken, PurgeSelector } from '../../core/replication/commands.ts';
import type { Effect } from '../../core/replication/effects.ts';
import { DEFAULT_LIMITS, TOMBSTONE_LIFE_MS } from '../../core/replication/limits.ts';
import type { ClientAnswer, ClientRequest, LogEntry, ReplicaEvent } from '../../core/replication/messages.ts';
import { compareViewstamps } from '../../core/replication/viewstamp.ts';
import type { Cluster } from '../engine/cluster.ts';
import type { Instance } from '../engine/instance.ts';
import { must } from './violation.ts';

interface Granted {
  readonly token: FillToken;
  /** By the clock of the object that gave it. */
  readonly until: number;
}

interface Asked {
  readonly key: string;
  /** Of a renewal. */
  readonly token: FillToken | null;
}

export class Leases {
  private readonly cluster: Cluster;
  private readonly leaseMs: number;
  /** What logs no longer hold. */
  private readonly committed: readonly { readonly entry: LogEntry }[];
  /** By object and view, then by key. */
  private readonly granted = new WeakMap<Instance, Map<string, Granted>>();
  private readonly asked = new WeakMap<Instance, Map<number, Asked>>();
  /** Where each object stood before its step: what it says may be older than what else the step does. */
  private readonly before = new WeakMap<Instance, { readonly commit: number; readonly view: number }>();

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
    const { view, head } = instance.state;
    this.before.set(instance, { view, commit: head.commit });
  }

  private note(instance: Instance, id: number, request: ClientRequest): void {
    switch (request.type) {
      case 'read':
      case 'lease':
      case 'release':
        mapOf(this.asked, instance).set(id, { key: request.key, token: null });
        break;
      case 'renew':
        mapOf(this.asked, instance).set(id, { key: request.key, token: request.token });
        break;
      default:
    }
  }

  private hear(instance: Instance, id: number, answer: ClientAnswer): void {
    const asked = this.asked.get(instance)?.get(id);
    if (asked === undefined) return;
    this.asked.get(instance)?.delete(id);
    const { key, token } = asked;
    const granted = mapOf(this.granted, instance);
    if (answer.type === 'released' && answer.released) granted.delete(key);
    const now = instance.clock(this.cluster.scheduler.now);
    const held = granted.get(key);
    const { memberId } = instance;
    if (answer.type === 'renewed' && answer.renewed && token !== null) {
      must(
        held !== undefined && isSame(held.token, token) && this.isOfUse(key, held, instance, now),
        'I10',
        () => `member ${memberId} prolonged a lease for ${key} that was over, or older than a purge`,
      );
      granted.set(key, { token, until: Math.min(now + this.leaseMs, token.t + TOMBSTONE_LIFE_MS) });
    }
    const lease = answer.type === 'rows' || answer.type === 'lease' ? answer.lease : null;
    if (lease?.type === 'taken') {
      must(
        held !== undefined && this.isOfUse(key, held, instance, now),
        'I10',
        () =>
          `member ${memberId} had somebody wait for a flight of ${key} that was over, or older than a purge`,
      );
    }
    if (lease?.type !== 'granted') return;
    const isOver =
      held === undefined ||
      held.until <= now ||
      held.token.view !== lease.token.view ||
      this.isUseless(key, held.token, instance, instance.state.head.commit);
    must(isOver, 'I11', () => `member ${memberId} gave two leases for ${key} at a time`);
    granted.set(key, { token: lease.token, until: now + this.leaseMs });
  }

  /** Whether others may wait for it, as far as the object can know. */
  private isOfUse(key: string, { token, until }: Granted, instance: Instance, now: number): boolean {
    const { commit, view } = this.before.get(instance) ?? { commit: 0, view: 0 };
    const isOfView = token.view === view || token.view === instance.state.view;
    return until > now && isOfView && !this.isUseless(key, token, instance, commit);
  }

  /** Something has happened to the key since, by what this object has committed up to there. */
  private isUseless(key: string, token: FillToken, { store }: Instance, upTo: number): boolean {
    for (let op = upTo; op > token.op; op--) {
      const entry = store.entryAt(op) ?? this.committed[op - 1]?.entry;
      for (const { command } of entry?.items ?? []) {
        // What a flight will be tagged with is not known yet: only a purge by URL spares the others.
        if (command.type === 'purge' && isAbout(command.selector, key)) return true;
        if ((command.type === 'put' || command.type === 'delete') && command.key === key) return true;
        const isFill = command.type === 'fill' && command.key === key;
        if (isFill && (command.purges || isSame(command.token, token))) return true;
      }
    }
    return false;
  }
}

function isSame(a: FillToken, b: FillToken): boolean {
  return compareViewstamps(a, b) === 0 && a.t === b.t;
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
