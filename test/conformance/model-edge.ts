// A cache with one origin and a clock that stands still unless told otherwise: core/cache put together as the edge
// does it, without network, shards or streams. What the conformance cases say of it holds for the decisions themselves.
import type { CacheableRequest } from '../../core/cache/bypass.ts';
import { cacheKeyOf, type KeyOptions, keyPartsOf } from '../../core/cache/cache-key.ts';
import { judgeHead } from '../../core/cache/head-update.ts';
import { urlsToInvalidate } from '../../core/cache/invalidation.ts';
import { joinParts, joinRest } from '../../core/cache/join-parts.ts';
import {
  adopt,
  fieldsToOffer,
  isOfClient,
  offeredTag,
  storedWithTag,
} from '../../core/cache/offer-variants.ts';
import { answerOnFailure, type OriginFailure } from '../../core/cache/origin-failure.ts';
import { bytesNamed, fieldsForRest } from '../../core/cache/parts.ts';
import { type CachePolicy, DEFAULT_CACHE_POLICY } from '../../core/cache/policy.ts';
import { decidePostStorable } from '../../core/cache/post-answer.ts';
import { type AnswerBody, answerFromStored, canAnswer } from '../../core/cache/respond.ts';
import { decideReuse } from '../../core/cache/reuse.ts';
import { fieldsToRevalidate, freshen } from '../../core/cache/revalidation.ts';
import { decideStorable, variantOf } from '../../core/cache/storable.ts';
import {
  decodeStored,
  encodeStored,
  type StoredResponse,
  staleSince,
} from '../../core/cache/stored-response.ts';
import type { Fields } from '../../core/http/fields.ts';
import { fieldsToClient, fieldsToOrigin } from '../../core/http/forward-fields.ts';
import type { ByteRange } from '../../core/http/ranges.ts';
import { parseTarget, type Target } from '../../core/http/target.ts';
import type { SelectingFields } from '../../core/http/vary.ts';

export interface ModelRequest extends CacheableRequest {
  readonly url: string;
}

export interface OriginResponse {
  readonly status: number;
  readonly fields: Fields;
  readonly body: string;
}

/** null: nobody answers. `request` as the origin gets it. */
export type Origin = (request: ModelRequest) => OriginResponse | null;

export interface Answer {
  /** `validated`: from the cache, after the origin confirmed it. */
  readonly from: 'cache' | 'origin' | 'validated' | 'edge';
  readonly status: number;
  readonly fields: Fields;
  readonly body: string;
}

/** As the origin gets it; `url` is its key. */
interface SentRequest extends ModelRequest {
  readonly keyParts: SelectingFields;
}

interface Entry {
  readonly meta: string;
  readonly body: string;
  readonly expireAt: number;
}

interface Selected {
  readonly stored: StoredResponse;
  readonly entry: Entry;
}

const WHOLE_URL: KeyOptions = { query: 'all', sortQuery: false, headers: [], cookies: [], device: false };
const ROUTE = { setHeaders: {}, removeHeaders: [] };
/** What a request for the rest may be answered that nobody else should get. */
const MADE_FOR_THE_REST = new Set([206, 304, 416]);

export class ModelEdge {
  private readonly policy: CachePolicy;
  nowMs = Date.UTC(2026, 10, 21, 12);
  /** How long the origin takes, ms. */
  delayMs = 0;
  private readonly rows = new Map<string, Map<string, Entry>>();

  private readonly key: KeyOptions;

  constructor(policy: Partial<CachePolicy> = {}, key: Partial<KeyOptions> = {}) {
    this.policy = { ...DEFAULT_CACHE_POLICY, ...policy };
    this.key = { ...WHOLE_URL, ...key };
  }

  request(request: ModelRequest, origin: Origin): Answer {
    const target = targetOf(request.url);
    const arrival = { clientIp: '192.0.2.1', scheme: target.scheme, host: target.host, trustedProxies: [] };
    const forward = fieldsToOrigin({ fields: request.fields, ...arrival, ...ROUTE });
    if (forward.type === 'loop') return edgeError(508);
    const hasBody = request.fields.some(([name]) => name === 'transfer-encoding');
    const keyParts = keyPartsOf(this.key, forward.fields);
    const { method } = request;
    const sent = { method, url: this.keyOf(target), fields: forward.fields, keyParts, hasBody };
    return this.answer(sent, target, origin);
  }

  private keyOf(target: Pick<Target, 'canonicalUrl' | 'query'>): string {
    return cacheKeyOf(target, this.key);
  }

  private answer(request: SentRequest, target: Target, origin: Origin): Answer {
    const live = this.variantsOf(request.url);
    const stored = live.map((entry) => decodeStored(entry.meta));
    const { decision, index } = decideReuse(request, stored, this.nowMs, this.policy);
    const entry = index === null ? undefined : live[index];
    const picked = index === null ? undefined : stored[index];
    const selected = entry && picked ? { entry, stored: picked } : null;
    switch (decision.type) {
      case 'not-cached':
        return edgeError(504);
      case 'hit':
        if (selected === null) throw new Error('A hit without a stored response');
        return this.hit(selected, request, target, origin, decision.refresh);
      case 'miss':
        return this.fromOrigin(request, request.fields, target, origin, selected);
      case 'revalidate':
        if (selected === null) throw new Error('A validation without a stored response');
        return this.validated(request, target, origin, selected);
      case 'offer':
        return this.offering(request, target, origin, decision.tags);
      case 'extend':
        if (selected === null) throw new Error('Nothing to extend');
        if (decision.rest) return this.completed(request, target, origin, selected);
        return this.fromOrigin(request, request.fields, target, origin, null, selected);
    }
  }

  private offering(request: SentRequest, target: Target, origin: Origin, offered: readonly string[]): Answer {
    const requestedAt = this.nowMs;
    const response = this.ask({ ...request, fields: fieldsToOffer(request.fields, offered) }, origin);
    if (response?.status !== 304) return this.settle(request, target, response, requestedAt, null);
    const tag = offeredTag(response.fields, offered);
    const live = this.variantsOf(request.url);
    const all = live.map((entry) => decodeStored(entry.meta));
    const index = tag === null ? null : storedWithTag(request, all, tag);
    const [entry, chosen] = index === null ? [] : [live[index], all[index]];
    const update = { fields: response.fields, requestedAt, receivedAt: this.nowMs };
    const adopted = chosen && adopt(chosen, request, update, this.policy);
    if (entry !== undefined && adopted?.type === 'freshened') {
      const { stored, variant, keepMs } = adopted;
      const kept = { ...entry, meta: encodeStored(stored), expireAt: this.nowMs + keepMs };
      if (keepMs > 0) this.keep(request.url, variant, kept);
      return this.fromStored({ entry, stored }, request, 'validated');
    }
    if (isOfClient(response.fields, request.fields)) {
      return this.settle(request, target, response, requestedAt, null);
    }
    return this.fromOrigin(request, request.fields, target, origin, null);
  }

  /** The stored beginning and the rest of it, as one response; where they do not fit, the whole is asked for. */
  private completed(request: SentRequest, target: Target, origin: Origin, part: Selected): Answer {
    const fields = fieldsForRest(request.fields, part.stored);
    if (fields === null) throw new Error('There is no rest to ask for');
    const requestedAt = this.nowMs;
    const asked = { ...request, fields };
    const response = this.ask(asked, origin);
    if (response === null) return edgeError(502);
    const beginning = part.entry.body;
    const joined = joinRest(part.stored, beginning.length, response, this.nowMs);
    const isWhole = joined !== null && bytesNamed(response) === response.body.length;
    if (isWhole) {
      const whole = { ...joined, body: beginning + response.body };
      return this.settle(asked, target, whole, requestedAt, null);
    }
    if (!MADE_FOR_THE_REST.has(response.status)) {
      return this.settle(asked, target, response, requestedAt, null);
    }
    return this.fromOrigin(request, request.fields, target, origin, null);
  }

  private join(part: Selected, response: OriginResponse): OriginResponse | null {
    const { body } = part.entry;
    const joined = joinParts(part.stored, body.length, response, this.nowMs);
    if (joined === null) return null;
    const { bytesBefore, restFrom } = joined;
    return { ...joined.response, body: body.slice(0, bytesBefore) + response.body + body.slice(restFrom) };
  }

  /** A refresh goes on beside the answer; here it is over before the next request. */
  private hit(
    selected: Selected,
    request: SentRequest,
    target: Target,
    origin: Origin,
    refresh: boolean,
  ): Answer {
    const answer = this.fromStored(selected, request, 'cache');
    if (refresh) this.validated(request, target, origin, selected);
    return answer;
  }

  private validated(request: SentRequest, target: Target, origin: Origin, selected: Selected): Answer {
    const fields = fieldsToRevalidate(request.fields, selected.stored);
    const requestedAt = this.nowMs;
    const response = this.ask({ ...request, fields }, origin);
    if (response?.status !== 304) return this.settle(request, target, response, requestedAt, selected);
    const update = { fields: response.fields, requestedAt, receivedAt: this.nowMs };
    const freshened = freshen(selected.stored, update, this.policy);
    if (freshened.type === 'mismatch' || !canAnswer(freshened.stored, request, this.nowMs)) {
      const conditions = ['if-none-match', 'if-modified-since'];
      const unconditional = request.fields.filter(([name]) => !conditions.includes(name));
      return this.fromOrigin(request, unconditional, target, origin, null);
    }
    const { stored, variant, keepMs } = freshened;
    const entry = { ...selected.entry, meta: encodeStored(stored) };
    if (keepMs > 0) this.keep(request.url, variant, { ...entry, expireAt: this.nowMs + keepMs });
    return this.fromStored({ entry, stored }, request, 'validated');
  }

  private fromOrigin(
    request: SentRequest,
    fields: Fields,
    target: Target,
    origin: Origin,
    stale: Selected | null,
    part: Selected | null = null,
  ): Answer {
    const requestedAt = this.nowMs;
    const response = this.ask({ ...request, fields }, origin);
    return this.settle(request, target, response, requestedAt, stale, part);
  }

  /** The origin has answered something that is not a confirmation, or nothing. */
  private settle(
    request: SentRequest,
    target: Target,
    response: OriginResponse | null,
    requestedAt: number,
    stale: Selected | null,
    part: Selected | null = null,
  ): Answer {
    if (stale !== null) {
      const failure: OriginFailure =
        response === null ? { type: 'unreachable' } : { type: 'status', status: response.status };
      const answer = answerOnFailure(stale.stored, request, failure, this.nowMs, this.policy);
      if (answer === 'serve-stale') return this.fromStored(stale, request, 'cache');
      if (answer === 'cannot-revalidate') return edgeError(504);
    }
    if (response === null) return edgeError(502);
    for (const url of urlsToInvalidate({ target, method: request.method, ...response }))
      this.rows.delete(this.keyOf(targetOf(url)));
    const receivedAt = this.nowMs;
    if (request.method === 'HEAD' && stale !== null) this.updateByHead(request, response, requestedAt, stale);
    this.storePost(request, target, response, requestedAt);
    if ((bytesNamed(response) ?? response.body.length) === response.body.length) {
      this.store(request, (part && this.join(part, response)) ?? response, requestedAt);
    }
    const fields = fieldsToClient({ fields: response.fields, receivedAt, ...ROUTE });
    return { from: 'origin', status: response.status, fields, body: response.body };
  }

  private store(request: SentRequest, response: OriginResponse, requestedAt: number): void {
    const receivedAt = this.nowMs;
    const exchange = { request, response, keyParts: request.keyParts, requestedAt, receivedAt };
    const verdict = decideStorable(exchange, this.policy);
    if (verdict.type === 'not-stored') return;
    const { stored, variant, keepMs } = verdict;
    const meta = encodeStored(stored);
    this.keep(request.url, variant, { meta, body: response.body, expireAt: receivedAt + keepMs });
  }

  private storePost(
    request: SentRequest,
    target: Target,
    response: OriginResponse,
    requestedAt: number,
  ): void {
    const receivedAt = this.nowMs;
    const exchange = { request, response, keyParts: request.keyParts, requestedAt, receivedAt };
    const verdict = decidePostStorable(exchange, target, this.policy);
    if (verdict.type === 'not-stored') return;
    const { stored, variant, keepMs } = verdict;
    const expireAt = receivedAt + keepMs;
    this.keep(request.url, variant, { meta: encodeStored(stored), body: response.body, expireAt });
  }

  private updateByHead(
    request: SentRequest,
    { status, fields }: OriginResponse,
    requestedAt: number,
    { stored, entry }: Selected,
  ): void {
    const authorized = request.fields.some(([name]) => name === 'authorization');
    const head = { status, fields, requestedAt, receivedAt: this.nowMs, authorized };
    const update = judgeHead(stored, entry.body.length, head, this.policy);
    if (update.type === 'renewed') {
      const expireAt = this.nowMs + update.keepMs;
      this.keep(request.url, update.variant, { ...entry, meta: encodeStored(update.stored), expireAt });
    }
    if (update.type !== 'outdated') return;
    const meta = encodeStored(staleSince(stored, this.nowMs));
    this.keep(request.url, variantOf(stored), { ...entry, meta });
  }

  private ask(request: ModelRequest, origin: Origin): OriginResponse | null {
    const response = origin(request);
    this.nowMs += this.delayMs;
    return response;
  }

  private fromStored(
    { stored, entry }: Selected,
    request: CacheableRequest,
    from: 'cache' | 'validated',
  ): Answer {
    const { length } = entry.body;
    const { status, fields, body } = answerFromStored(stored, request, length, this.nowMs);
    const sent = fieldsToClient({ fields, receivedAt: stored.receivedAt, ...ROUTE });
    return { from, status, fields: sent, body: textOf(body, entry.body) };
  }

  private keep(url: string, variant: string, entry: Entry): void {
    const variants = this.rows.get(url) ?? new Map<string, Entry>();
    variants.set(variant, entry);
    this.rows.set(url, variants);
  }

  private variantsOf(url: string): Entry[] {
    return [...(this.rows.get(url)?.values() ?? [])].filter(({ expireAt }) => this.nowMs < expireAt);
  }
}

function targetOf(url: string): Target {
  const target = parseTarget(url);
  if (target.type !== 'target') throw new Error(`Not a target: ${url}`);
  return target;
}

/** Several ranges as the list of them: how they are wrapped is not the cache's matter. */
function textOf(answer: AnswerBody, whole: string): string {
  const cut = ({ first, last }: ByteRange): string => whole.slice(first, last + 1);
  if (answer.type === 'range') return cut(answer.range);
  if (answer.type === 'ranges') return answer.ranges.map(({ range }) => cut(range)).join('|');
  return answer.type === 'whole' ? whole : '';
}

/** What the edge says for itself. */
function edgeError(status: number): Answer {
  return { from: 'edge', status, fields: [], body: '' };
}
