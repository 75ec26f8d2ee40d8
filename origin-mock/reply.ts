// What a scripted origin will do with one request, as data: decided the same way on every runtime, carried out by
// each runtime's own renderer (render-node.ts, render-worker.ts).

/** Name and value as they stand on the wire, in order, repetitions included. */
export type FieldLine = readonly [name: string, value: string];

/** Before the headers: never answer, RST, FIN, or bytes that are not HTTP. After some of the body: RST, FIN, silence. */
export const FAULTS = [
  'hang',
  'reset',
  'close',
  'garbage',
  'reset-mid-body',
  'short-body',
  'stall-mid-body',
] as const;
export type Fault = (typeof FAULTS)[number];

/** Content-Length, chunked, or until the connection closes. */
export const FRAMINGS = ['length', 'chunked', 'close'] as const;
export type Framing = (typeof FRAMINGS)[number];

export interface Body {
  /** null when not known beforehand, for example an endless stream. */
  readonly bytes: number | null;
  readonly chunks: Iterable<Uint8Array>;
  /** Pause between two chunks. */
  readonly intervalMs: number;
}

export interface Reply {
  readonly delayMs: number;
  readonly status: number;
  readonly fields: readonly FieldLine[];
  readonly body: Body;
  readonly framing: Framing;
  readonly fault: Fault | null;
  /** Bytes of the body that still arrive before a mid-body fault; null = half of them. */
  readonly faultAfterBytes: number | null;
  /** Whether If-None-Match and If-Modified-Since may turn a 200 into a 304. */
  readonly conditional: boolean;
}

const CHUNK_BYTES = 65_536;
const encoder = new TextEncoder();

export function bodyOf(content: string | Uint8Array, chunkBytes = CHUNK_BYTES, intervalMs = 0): Body {
  const bytes = typeof content === 'string' ? encoder.encode(content) : content;
  return { bytes: bytes.length, chunks: slices(bytes, chunkBytes), intervalMs };
}

function* slices(bytes: Uint8Array, chunkBytes: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}

/** The byte that `bytes/N` and `bodyBytes` send at an offset: printable, and a shifted or lost chunk shows. */
export const patternByte = (offset: number): number => 33 + (offset % 89);

export function patternBytes(from: number, to: number): Uint8Array {
  const bytes = new Uint8Array(to - from);
  for (let i = 0; i < bytes.length; i++) bytes[i] = patternByte(from + i);
  return bytes;
}

/** A body of any size that is never in memory as a whole. */
export function patternBody(bytes: number, chunkBytes = CHUNK_BYTES, intervalMs = 0): Body {
  return { bytes, chunks: patternChunks(bytes, chunkBytes), intervalMs };
}

function* patternChunks(bytes: number, chunkBytes: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes; at += chunkBytes) yield patternBytes(at, Math.min(bytes, at + chunkBytes));
}

export function replyOf(status: number, fields: readonly FieldLine[], body: Body): Reply {
  return {
    delayMs: 0,
    status,
    fields,
    body,
    framing: body.bytes === null ? 'chunked' : 'length',
    fault: null,
    faultAfterBytes: null,
    conditional: true,
  };
}

export function textReply(status: number, text: string, fields: readonly FieldLine[] = []): Reply {
  return replyOf(status, [['Content-Type', 'text/plain; charset=utf-8'], ...fields], bodyOf(text));
}

export function jsonReply(status: number, value: unknown, fields: readonly FieldLine[] = []): Reply {
  const text = `${JSON.stringify(value, null, 1)}\n`;
  return replyOf(status, [['Content-Type', 'application/json'], ...fields], bodyOf(text));
}

export function fieldValue(fields: readonly FieldLine[], name: string): string | null {
  const values = fields.filter(([n]) => n.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
  return values.length > 0 ? values.join(', ') : null;
}
