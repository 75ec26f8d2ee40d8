// What an isolate remembers of answers that came with a bound: each is used only while it is certainly no older than that,
// counted by this isolate's own clock from before it asked. No two clocks are compared, so a purge is seen here as soon
// as its guarantee says.
import { RoundelPolicy } from './eviction/roundel-policy.ts';
import { SizedCache } from './eviction/sized-cache.ts';

export interface HeldAnswer {
  /** Epoch ms by this isolate's clock: when the shard was asked, and until when the answer may be used. */
  readonly askedAt: number;
  readonly usableUntil: number;
}

/** How answers of one kind are told apart and measured. */
export interface HeldKind<H extends HeldAnswer> {
  /** The one takes the place of the other. */
  isSame(one: H, other: H): boolean;
  bytesOf(held: H): number;
}

/** Of one key; those that were asked for least lately go. */
const VARIANTS_MAX = 16;

export class HeldAnswers<H extends HeldAnswer> {
  readonly bytesMax: number;
  readonly #kind: HeldKind<H>;
  #entries: SizedCache<readonly H[]>;
  /** Answers to questions from before are not taken any more. */
  #forgottenAt = Number.NEGATIVE_INFINITY;

  /** `bytesMax` 0 keeps nothing. */
  constructor(bytesMax: number, kind: HeldKind<H>) {
    this.bytesMax = bytesMax;
    this.#kind = kind;
    this.#entries = new SizedCache(bytesMax, new RoundelPolicy());
  }

  get bytes(): number {
    return this.#entries.bytes;
  }

  /** Those of the key that may still be used. O(variants). */
  usable(key: string, nowMs: number): readonly H[] {
    const known = this.#entries.get(key);
    if (known === undefined) return [];
    const isUsable = ({ usableUntil }: H) => nowMs < usableUntil;
    if (known.every(isUsable)) return known;
    const usable = known.filter(isUsable);
    if (usable.length === 0) this.#entries.delete(key);
    return usable;
  }

  /** Nothing that was asked for before the last `forget` comes in. */
  keep(key: string, held: H, nowMs: number): void {
    if (held.askedAt <= this.#forgottenAt || nowMs >= held.usableUntil) return;
    const others = (this.#entries.get(key) ?? []).filter(
      (other) => nowMs < other.usableUntil && !this.#kind.isSame(other, held),
    );
    const kept = [held, ...others].slice(0, VARIANTS_MAX);
    const bytes = kept.reduce((sum, one) => sum + this.#kind.bytesOf(one), key.length);
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
