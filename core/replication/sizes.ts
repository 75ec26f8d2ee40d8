// How many bytes things count for, in the log's bounds and in the byte totals: close to what they take, the same on
// every member, and cheap (text counts two bytes a UTF-16 unit only where it is large enough to matter: never here).
import type { Body, Command, PurgeSelector, RowAddress, Value } from './commands.ts';
import type { LogEntry, LogItem } from './messages.ts';

/** What the row itself, an item or an entry takes beside its texts and bytes. */
const OVERHEAD_BYTES = 64;

/** Bytes of the body, wherever they are held. */
export function bodyBytes(body: Body): number {
  return body.type === 'inline' ? body.bytes.byteLength : body.bytes;
}

/** What a row counts for in the byte totals: address, meta and the whole body. O(1). */
export function rowBytes(address: RowAddress, value: Value): number {
  return (
    OVERHEAD_BYTES + address.key.length + address.variant.length + value.meta.length + bodyBytes(value.body)
  );
}

/** What travels in a message for a command: chunks are named in it, not held. O(tags). */
export function commandBytes(command: Command): number {
  switch (command.type) {
    case 'put':
    case 'fill': {
      const { value } = command;
      const held = value.body.type === 'inline' ? value.body.bytes.byteLength : 64 * value.body.hashes.length;
      let tags = 0;
      for (const tag of command.tags) tags += tag.length;
      return OVERHEAD_BYTES + command.key.length + value.meta.length + held + tags;
    }
    case 'increment': {
      let tags = 0;
      for (const tag of command.tags) tags += tag.length;
      return OVERHEAD_BYTES + command.key.length + command.meta.length + tags;
    }
    case 'delete':
      return OVERHEAD_BYTES + command.key.length;
    case 'purge':
      return OVERHEAD_BYTES + selectorLength(command.selector);
    case 'expire':
    case 'evict':
    case 'discard':
      return OVERHEAD_BYTES + command.address.key.length + command.address.variant.length;
    case 'floor':
    case 'bound':
    case 'boundSettled':
    case 'readmit':
    case 'viewStart':
      return OVERHEAD_BYTES;
  }
}

function selectorLength(selector: PurgeSelector): number {
  switch (selector.type) {
    case 'all':
      return 0;
    case 'url':
      return selector.key.length;
    case 'tag':
      return selector.tag.length;
    case 'prefix':
      return selector.prefix.length;
    case 'namespace':
      return selector.namespace.length;
  }
}

export function itemBytes(item: LogItem): number {
  return OVERHEAD_BYTES + item.reqId.length + commandBytes(item.command);
}

/**
 * What an entry counts for in the log's bound: its items and the chunks that it keeps from being swept (so the
 * bound holds for the disk as well). O(items).
 */
export function entryBytes(entry: LogEntry): number {
  let bytes = OVERHEAD_BYTES;
  for (const item of entry.items) {
    bytes += itemBytes(item);
    const { command } = item;
    if ((command.type === 'put' || command.type === 'fill') && command.value.body.type === 'chunks') {
      bytes += command.value.body.bytes;
    }
  }
  return bytes;
}

/** Of every chunk of a large body but the last: so a range of it is found without reading what comes before. */
export const CHUNK_BYTES = 1_048_576;
