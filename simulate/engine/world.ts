// Groups that share one time and one source of chance, as the shards of one product: which of them a key belongs to, and
// the ways between the edges and whatever is no member of a group.
import type { PurgedGroup, PurgedMap } from '../../core/purging/plan-purge.ts';
import type { ClientRequest } from '../../core/replication/messages.ts';
import { slotOfKey, targetSlotMap } from '../../core/sharding/slot-map.ts';
import type { Chance } from './chance.ts';
import type { Cluster } from './cluster.ts';
import { Network } from './network.ts';
import type { Scheduler } from './scheduler.ts';

export class World {
  readonly clusters: readonly Cluster[];
  readonly scheduler: Scheduler;
  readonly chance: Chance;
  readonly map: PurgedMap<PurgedGroup>;
  /** Between edges and the coordinator; its faults are those of the groups' networks. */
  readonly network: Network;
  private readonly first: Cluster;

  /** By shard, at least one, all of one scheduler. */
  constructor(clusters: readonly Cluster[]) {
    const [first] = clusters;
    if (first === undefined) throw new Error('A world needs a group');
    this.clusters = clusters;
    this.first = first;
    this.scheduler = first.scheduler;
    this.chance = first.chance;
    this.network = new Network(first.chance, first.faults, () => {});
    this.map = {
      slots: targetSlotMap(clusters.length),
      groups: clusters.map(({ shard, groupId }) => ({ shard, groupId })),
    };
  }

  get faults(): Cluster['faults'] {
    return this.first.faults;
  }

  cluster(shard: number): Cluster {
    const found = this.clusters[shard];
    if (found === undefined) throw new Error(`There is no shard ${shard}`);
    return found;
  }

  shardOf(key: string): number {
    return this.map.slots[slotOfKey(key)] ?? 0;
  }

  /** Of what names no key there can be only one. */
  shardAsked(request: ClientRequest): number {
    const key = keyOf(request);
    if (key !== null) return this.shardOf(key);
    if (this.clusters.length > 1) throw new Error(`A request of type "${request.type}" names no shard`);
    return 0;
  }

  /** After the time that a message takes. */
  later(from: number, to: number, run: () => void): void {
    this.scheduler.after(this.network.delayMs(from, to, this.scheduler.now), run);
  }

  print(text: () => string): void {
    if (this.first.trace.print !== null) this.first.print(text());
  }
}

function keyOf(request: ClientRequest): string | null {
  switch (request.type) {
    case 'read':
    case 'lease':
    case 'token':
    case 'renew':
    case 'release':
      return request.key;
    case 'command': {
      const { command } = request;
      if ('key' in command) return command.key;
      return command.type === 'purge' && command.selector.type === 'url' ? command.selector.key : null;
    }
    default:
      return null;
  }
}
