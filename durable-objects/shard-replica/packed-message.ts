// Prepares as they travel between members: the items of an entry as the run of bytes that the log holds as well, so that
// they are encoded once for both backups and all three disks, and not cloned object by object.
import type { Message } from '../../core/replication/messages.ts';
import type { PackedMessage } from '../interfaces/shard-replica.ts';
import { decodeItems, encodeItems } from '../storage/item-codec.ts';

/** O(bytes), the first time an entry is packed. */
export function pack(message: Message): PackedMessage {
  const { body } = message;
  if (body.type !== 'prepare' || body.entries.length === 0) return message;
  const packed = body.entries.map(({ items, ...entry }) => ({ ...entry, items: encodeItems(items) }));
  return { ...message, body: { ...body, entries: [] }, packed };
}

/** Throws on bytes that are no items. O(bytes). */
export function unpack({ packed, ...message }: PackedMessage): Message {
  const { body } = message;
  if (packed === undefined || body.type !== 'prepare') return message;
  const entries = packed.map(({ items, ...entry }) => ({ ...entry, items: decodeItems(items) }));
  return { ...message, body: { ...body, entries } };
}
