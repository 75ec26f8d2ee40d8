// Which shards a purge concerns and what each of them is asked to commit. Request ids follow from the purge's own id,
// so a shard that is asked twice does it once.
import { slotOfKey } from '../../core/sharding/slot-map.ts';
import type { ShardGroup, ShardMap } from '../interfaces/directory.ts';
import type { SubmitRequest } from '../interfaces/shard-replica.ts';

export type NamedCommand = SubmitRequest['requests'][number];

export interface ShardPurge {
  readonly group: ShardGroup;
  readonly commands: readonly NamedCommand[];
}

/**
 * `keys` in a fixed order; with `all` they are covered by it. Shards in the order of the map; those that nothing
 * concerns are left out. O(keys + shards).
 */
export function planPurge(
  map: ShardMap,
  purge: { readonly purgeId: string; readonly all: boolean; readonly keys: readonly string[] },
): ShardPurge[] {
  const { purgeId, all, keys } = purge;
  if (all) {
    return map.groups.map((group) => ({
      group,
      commands: [{ reqId: `purge/${purgeId}/all`, command: { type: 'purge', selector: { type: 'all' } } }],
    }));
  }
  const byShard = new Map<number, NamedCommand[]>();
  keys.forEach((key, n) => {
    const shard = map.slots[slotOfKey(key)];
    if (shard === undefined) throw new Error(`Cannot plan a purge: the map has ${map.slots.length} slots`);
    const commands = byShard.get(shard) ?? [];
    commands.push({
      reqId: `purge/${purgeId}/${n}`,
      command: { type: 'purge', selector: { type: 'url', key } },
    });
    byShard.set(shard, commands);
  });
  return map.groups.flatMap((group) => {
    const commands = byShard.get(group.shard);
    return commands === undefined ? [] : [{ group, commands }];
  });
}
