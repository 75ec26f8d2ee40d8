// The items of a log entry as one run of bytes: a JSON array of everything but the bodies, then the bodies one after
// the other. So a body is copied and never turned into text (base64 would add a third), and what the items are may
// grow new fields without a new format.
//
// Layout: 1 byte format version, 4 bytes length of the JSON (unsigned, little endian), JSON in UTF-8, bodies.
import type { Body, Command } from '../../core/replication/commands.ts';
import type { LogItem } from '../../core/replication/messages.ts';

const VERSION = 1;
const HEADER_BYTES = 5;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** In the JSON a number stands in place of an inline body: how many bytes it has. */
type Flat = readonly [reqId: string, digest: string, command: unknown, bodyBytes?: number];

/** Of items that are in memory: they go to the disk and to other members, and may have come from one. */
const encoded = new WeakMap<readonly LogItem[], Uint8Array>();

/** Always the same bytes for the same array: neither may be changed. O(bytes) the first time. */
export function encodeItems(items: readonly LogItem[]): Uint8Array {
  let bytes = encoded.get(items);
  if (bytes === undefined) {
    bytes = encode(items);
    encoded.set(items, bytes);
  }
  return bytes;
}

function encode(items: readonly LogItem[]): Uint8Array {
  const bodies: Uint8Array[] = [];
  let bodiesBytes = 0;
  const flat = items.map(({ reqId, digest, command }): Flat => {
    const body = bodyOf(command);
    if (body?.type !== 'inline') return [reqId, digest, command];
    bodies.push(body.bytes);
    bodiesBytes += body.bytes.byteLength;
    return [reqId, digest, withBody(command, null), body.bytes.byteLength];
  });
  const json = encoder.encode(JSON.stringify(flat));
  const bytes = new Uint8Array(HEADER_BYTES + json.byteLength + bodiesBytes);
  bytes[0] = VERSION;
  new DataView(bytes.buffer).setUint32(1, json.byteLength, true);
  bytes.set(json, HEADER_BYTES);
  let at = HEADER_BYTES + json.byteLength;
  for (const body of bodies) {
    bytes.set(body, at);
    at += body.byteLength;
  }
  return bytes;
}

/** Throws on bytes that `encodeItems` did not make. The bodies are copies, each with a buffer of its own. O(bytes). */
export function decodeItems(bytes: Uint8Array): LogItem[] {
  if (bytes[0] !== VERSION) {
    throw new Error(`Cannot read log items: their format is ${bytes[0]}, this code knows ${VERSION}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = HEADER_BYTES + view.getUint32(1, true);
  if (at > bytes.byteLength) throw new Error('Cannot read log items: they are cut short');
  const flat = JSON.parse(decoder.decode(bytes.subarray(HEADER_BYTES, at))) as Flat[];
  const items = flat.map(([reqId, digest, command, bodyBytes]): LogItem => {
    if (bodyBytes === undefined) return { reqId, digest, command: command as Command };
    // A slice of its own: a view would drag the whole entry along through every structured clone.
    const body: Body = { type: 'inline', bytes: bytes.slice(at, at + bodyBytes) };
    at += bodyBytes;
    return { reqId, digest, command: withBody(command as Command, body) };
  });
  if (at !== bytes.byteLength) {
    throw new Error(`Cannot read log items: ${bytes.byteLength} bytes where ${at} were expected`);
  }
  // A view would take the whole buffer behind it along to other members.
  if (bytes.byteLength === bytes.buffer.byteLength) encoded.set(items, bytes);
  return items;
}

/** The hashes that the items name, each once; null when there are none. */
export function chunkHashesOf(items: readonly LogItem[]): string[] | null {
  const hashes = new Set<string>();
  for (const { command } of items) {
    const body = bodyOf(command);
    if (body?.type === 'chunks') for (const hash of body.hashes) hashes.add(hash);
  }
  return hashes.size === 0 ? null : [...hashes];
}

function bodyOf(command: Command): Body | null {
  return command.type === 'put' || command.type === 'fill' ? command.value.body : null;
}

function withBody(command: Command, body: Body | null): Command {
  if (command.type !== 'put' && command.type !== 'fill') return command;
  return { ...command, value: { ...command.value, body: body as Body } };
}
