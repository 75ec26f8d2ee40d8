// What an isolate keeps of the shards' answers, so that a popular response is not fetched from its shard for every
// request. Each is used only while it is certainly no older than the bound that it came with, counted by this
// isolate's own clock from before it asked: no two clocks are compared, and a purge is seen here as soon as its
// guarantee says.
import type { SelectingFields } from '../http/vary.ts';
import { RoundelPolicy } from './eviction/roundel-policy.ts';
import { SizedCache } from './eviction/sized-cache.ts';
import type { ReusePolicy } from './policy.ts';
import { decideReuse, type KeyedRequest } from './reuse.ts';
import type { StoredResponse } from './stored-response.ts';

export interface HeldResponse {
  readonly stored: StoredResponse;
  /** All of it. */
  readonly body: Uint8Array;
  /** Epoch ms by this isolate's clock: when the shard was asked, and until when the answer may be used. */
  readonly askedAt: number;
  readonly usableUntil: number;
}

export interface MemoryHit {
  readonly held: HeldResponse;
  readonly ttlSeconds: number;
}

/** What an entry takes beside its body and its texts. */
const OVERHEAD_BYTES = 512;
/** Of one key; those that were asked for least lately go. */
const VARIANTS_MAX = 16;

export class MemoryTier {
  readonly bytesMax: number;
  #entries: SizedCache<readonly HeldResponse[]>;
  /** Answers to questions from before are not taken any more. */
  #forgottenAt = Number.NEGATIVE_INFINITY;

  /** `bytesMax` 0 keeps nothing. */
  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
    this.#entries = new SizedCache(bytesMax, new RoundelPolicy());
  }

  get bytes(): number {
    return this.#entries.bytes;
  }

  /** null: the shard has to say. Only what is fresh and needs nobody's leave is answered here. O(variants × fields). */
  find(key: string, request: KeyedRequest, nowMs: number, policy: ReusePolicy): MemoryHit | null {
    const known = this.#entries.get(key);
    if (known === undefined) return null;
    const usable = known.filter(({ usableUntil }) => nowMs < usableUntil);
    if (usable.length === 0) {
      this.#entries.delete(key);
      return null;
    }
    const stored = usable.map((held) => held.stored);
    const { decision, index } = decideReuse(request, stored, nowMs, policy);
    const held = index === null ? undefined : usable[index];
    if (held === undefined || decision.type !== 'hit' || decision.refresh) return null;
    return { held, ttlSeconds: decision.ttlSeconds };
  }

  /** Takes the place of the same variant. Nothing that was asked for before the last `forget` comes in. */
  keep(key: string, held: HeldResponse, nowMs: number): void {
    if (held.askedAt <= this.#forgottenAt || nowMs >= held.usableUntil) return;
    const others = (this.#entries.get(key) ?? []).filter(
      ({ stored, usableUntil }) => nowMs < usableUntil && !isSameVariant(stored, held.stored),
    );
    const kept = [held, ...others].slice(0, VARIANTS_MAX);
    const bytes = kept.reduce((sum, one) => sum + bytesOf(one), key.length);
    this.#entries.set(key, kept, bytes);
  }

  /** What this isolate itself has had changed is not shown by it any more. */
  forget(key: string, nowMs: number): void {
    this.#forgottenAt = nowMs;
    this.#entries.delete(key);
  }

  forgetAll(nowMs: number): void {
    this.#forgottenAt = nowMs;
    this.#entries = new SizedCache(this.bytesMax, new RoundelPolicy());
  }
}

function isSameVariant(a: StoredResponse, b: StoredResponse): boolean {
  const isSameKind = (a.part === null) === (b.part === null);
  return isSameKind && sameText(a.vary, b.vary) && sameText(a.keyParts, b.keyParts);
}

function sameText(a: SelectingFields, b: SelectingFields): boolean {
  return a.length === b.length && JSON.stringify(a) === JSON.stringify(b);
}

function bytesOf({ stored, body }: HeldResponse): number {
  const fields = stored.fields.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  return OVERHEAD_BYTES + fields + body.byteLength;
}
