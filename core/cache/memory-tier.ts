// What an isolate keeps of the shards' answers, so that a popular response is not fetched from its shard for every
// request: held as long as its bound allows (held-answers), and reused as a shard would reuse it.
import type { Fields } from '../http/fields.ts';
import { isOfArrival } from '../http/forward-fields.ts';
import type { SelectingFields } from '../http/vary.ts';
import { type HeldAnswer, HeldAnswers } from './held-answers.ts';
import type { ReusePolicy } from './policy.ts';
import { decideReuse } from './reuse.ts';
import type { StoredResponse } from './stored-response.ts';

export interface HeldResponse extends HeldAnswer {
  readonly stored: StoredResponse;
  /** All of it. */
  readonly body: Uint8Array;
}

export interface MemoryHit {
  readonly held: HeldResponse;
  readonly ttlSeconds: number;
}

/** A request whose fields as origins get them are dear to make. */
export interface AskingRequest {
  readonly method: string;
  /** Made when they are needed. */
  fields(): Fields;
  /** The same but for those that `isOfArrival` names (core/http/forward-fields). */
  readonly ownFields: Fields;
  readonly keyParts: SelectingFields;
}

/** What an entry takes beside its body and its texts. */
const OVERHEAD_BYTES = 512;

export class MemoryTier extends HeldAnswers<HeldResponse> {
  /** `bytesMax` 0 keeps nothing. */
  constructor(bytesMax: number) {
    super(bytesMax, { isSame: (one, other) => isSameVariant(one.stored, other.stored), bytesOf });
  }

  /** null: the shard has to say. Only what is fresh and needs nobody's leave is answered here. O(variants × fields). */
  find(key: string, request: AskingRequest, nowMs: number, policy: ReusePolicy): MemoryHit | null {
    const usable = this.usable(key, nowMs);
    if (usable.length === 0) return null;
    const stored = usable.map((held) => held.stored);
    const { method, keyParts } = request;
    const fields = stored.some(variesByArrival) ? request.fields() : request.ownFields;
    const { decision, index } = decideReuse({ method, fields, keyParts }, stored, nowMs, policy);
    const held = index === null ? undefined : usable[index];
    if (held === undefined || decision.type !== 'hit' || decision.refresh) return null;
    return { held, ttlSeconds: decision.ttlSeconds };
  }
}

function variesByArrival({ vary }: StoredResponse): boolean {
  return vary.some(([name]) => isOfArrival(name));
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
