// The platform's own cache of a data center as a tier between an isolate's memory and the shards, where there is one: what
// one isolate has read of a shard, others may use. It is trusted with nothing: an entry says which place of its group's
// log it was read at, and is used only while this isolate knows itself that nothing newer than that place need be shown
// (core/replication/contacts.ts). No clock of another's and no lifetime that the platform counts decides.
import { decodeStored, encodeStored, type StoredResponse } from '../../core/cache/stored-response.ts';
import type { Viewstamp } from '../../core/replication/viewstamp.ts';
import { within } from './within.ts';

export interface PlatformCopy {
  readonly stored: StoredResponse;
  /** All of it. */
  readonly body: Uint8Array;
  readonly groupId: string;
  /** Where in the group's log it was read. */
  readonly place: Viewstamp;
}

export interface PlatformCache {
  /** False once it has turned out that there is none. */
  readonly isThere: boolean;
  /** null: there is none, or it did not answer at once. Rejects never. */
  find(key: string): Promise<PlatformCopy | null>;
  /** Rejects never. */
  keep(key: string, copy: PlatformCopy): Promise<void>;
}

/** What this needs of the runtime's Cache. */
export interface CacheOfRuntime {
  match(name: string): Promise<Response | undefined>;
  put(name: string, response: Response): Promise<unknown>;
}

/** A tier that is slower than the next one is none. */
const FIND_MS = 50;
/** Longer than any bound: only what is of no use any more is dropped by it. */
const KEEP_SECONDS = 60;
const BODY_BYTES_MAX = 1_048_576;
/** Nobody's: requests of users never come to such a URL. */
const ORIGIN = 'https://roundel.invalid/';

interface Head {
  /** In full: names are digests. */
  readonly key: string;
  readonly groupId: string;
  readonly place: Viewstamp;
  /** As `encodeStored` has it. */
  readonly meta: string;
}

/** @param open gets the runtime's cache; it rejects, or what it gives does, where there is none */
export function createPlatformCache(open: () => Promise<CacheOfRuntime>): PlatformCache {
  let isThere = true;
  let hasWorked = false;
  const orNothing = async <T>(use: (cache: CacheOfRuntime) => Promise<T>): Promise<T | null> => {
    if (!isThere) return null;
    try {
      const result = await use(await open());
      hasWorked = true;
      return result;
    } catch {
      isThere = hasWorked;
      return null;
    }
  };
  return {
    get isThere() {
      return isThere;
    },
    async find(key) {
      if (!isThere) return null;
      const name = await nameOf(key);
      const found = orNothing(async (cache) => (await cache.match(name))?.arrayBuffer() ?? null);
      const bytes = await within(found, FIND_MS);
      return bytes && decode(key, new Uint8Array(bytes));
    },
    async keep(key, copy) {
      if (!isThere || copy.body.byteLength > BODY_BYTES_MAX) return;
      const headers = { 'cache-control': `max-age=${KEEP_SECONDS}` };
      const name = await nameOf(key);
      await orNothing((cache) => cache.put(name, new Response(encode(key, copy), { headers })));
    },
  };
}

async function nameOf(key: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(key));
  return ORIGIN + Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The head's length (4 bytes, big-endian), the head in JSON, the body. */
function encode(key: string, { stored, body, groupId, place }: PlatformCopy): Uint8Array {
  const head: Head = { key, groupId, place, meta: encodeStored(stored) };
  const text = new TextEncoder().encode(JSON.stringify(head));
  const bytes = new Uint8Array(4 + text.byteLength + body.byteLength);
  new DataView(bytes.buffer).setUint32(0, text.byteLength);
  bytes.set(text, 4);
  bytes.set(body, 4 + text.byteLength);
  return bytes;
}

/** null: of another key, or other code wrote it. */
function decode(key: string, bytes: Uint8Array): PlatformCopy | null {
  try {
    const bodyFrom = 4 + new DataView(bytes.buffer).getUint32(0);
    const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, bodyFrom))) as Head;
    if (head.key !== key) return null;
    const { groupId, place, meta } = head;
    return { stored: decodeStored(meta), body: bytes.slice(bodyFrom), groupId, place };
  } catch {
    return null;
  }
}
