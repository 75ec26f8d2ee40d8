// Which shard owns a key, in two steps: the key's hash names one of 1,024 fixed slots for ever, and a map that may
// change names the shard of each slot. The ring makes the map, so that a shard more or less moves only the slots
// that it gains or loses.
import { buildHashRing } from './hash-ring.ts';
import { hashKey, mix32 } from './key-hash.ts';

export const SLOT_COUNT = 1024;

/** Never changes, or every stored entry would be looked for elsewhere. */
const SLOT_SEED = 0x736c6f74;
const RING_SEED = 0x72696e67;

/** Slot of an entry's key (core/sharding/entry-key), 0–1,023: the top ten bits of its hash. O(length). */
export function slotOfKey(entryKey: string): number {
  return hashKey(entryKey, SLOT_SEED) >>> 22;
}

/**
 * For each of the 1,024 slots the index of its shard in `shardIds` (or of 0 to count − 1). At least one shard.
 * The ring is finer than 1,024 slots need: what unevenness there is comes from the slots themselves, a deviation of
 * √(shards / 1,024) of the average share.
 */
export function targetSlotMap(shards: readonly string[] | number): number[] {
  const ids = typeof shards === 'number' ? Array.from({ length: shards }, (_, i) => String(i)) : shards;
  if (ids.length === 0) throw new Error('Cannot make a slot map: 0 shards');
  const ring = buildHashRing(
    ids.map((id) => ({ id, weight: 1 })),
    { maxShare: 1.1, seed: RING_SEED },
  );
  return Array.from({ length: SLOT_COUNT }, (_, slot) => ring.locate(mix32(slot)));
}
