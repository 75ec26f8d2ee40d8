// Which shards a purge concerns and what each of them is asked to commit. Request ids follow from the purge's own id,
// so a shard that is asked twice does it once. URLs lie in one shard each; tags, prefixes and namespaces in all.
import type { Command, PurgeSelector } from '../replication/commands.ts';
import { slotOfKey } from '../sharding/slot-map.ts';
import type { PurgeSelection } from './purge-selection.ts';

export interface NamedCommand {
  readonly reqId: string;
  readonly command: Extract<Command, { type: 'purge' }>;
}

/** What a purge has to know of a shard's group. */
export interface PurgedGroup {
  readonly shard: number;
  readonly groupId: string;
}

/** The part of the directory's map that says where keys lie. */
export interface PurgedMap<G extends PurgedGroup> {
  /** Shard of each slot. */
  readonly slots: readonly number[];
  readonly groups: readonly G[];
}

export interface ShardPurge<G extends PurgedGroup> {
  readonly group: G;
  readonly commands: readonly NamedCommand[];
}

/**
 * The selection in its fixed order. Shards in the order of the map; those that nothing concerns are left out.
 * O(keys + scopes × shards).
 */
export function planPurge<G extends PurgedGroup>(
  map: PurgedMap<G>,
  purgeId: string,
  selection: PurgeSelection,
): ShardPurge<G>[] {
  const named = (place: string, selector: PurgeSelector, soft: boolean): NamedCommand => ({
    reqId: `purge/${purgeId}/${place}`,
    command: { type: 'purge', selector, ...(soft ? { soft } : {}) },
  });
  const everywhere = scopesIn(selection).map(({ place, selector, soft }) => named(place, selector, soft));
  const byShard = new Map<number, NamedCommand[]>();
  // A hard purge of everything covers them.
  const keys = selection.all && !selection.soft ? [] : selection.keys;
  keys.forEach((key, n) => {
    const shard = map.slots[slotOfKey(key)];
    if (shard === undefined) throw new Error(`Cannot plan a purge: the map has ${map.slots.length} slots`);
    const commands = byShard.get(shard) ?? [];
    commands.push(named(String(n), { type: 'url', key }, selection.soft));
    byShard.set(shard, commands);
  });
  return map.groups.flatMap((group) => {
    const commands = [...everywhere, ...(byShard.get(group.shard) ?? [])];
    return commands.length === 0 ? [] : [{ group, commands }];
  });
}

interface Scope {
  readonly place: string;
  readonly selector: PurgeSelector;
  readonly soft: boolean;
}

function scopesIn({ tags, prefixes, all, namespaces, soft }: PurgeSelection): Scope[] {
  return [
    ...(all ? [{ place: 'all', selector: { type: 'all' } as const, soft }] : []),
    ...tags.map((tag, n) => ({ place: `tag/${n}`, selector: { type: 'tag', tag } as const, soft })),
    ...prefixes.map((prefix, n) => ({
      place: `prefix/${n}`,
      selector: { type: 'prefix', prefix } as const,
      soft,
    })),
    ...namespaces.map((namespace, n) => ({
      place: `namespace/${n}`,
      selector: { type: 'namespace', namespace } as const,
      soft: false,
    })),
  ];
}
