// What an isolate remembers of its shards' answers: only inside the bound, only what is fresh, and never what it has
// itself had changed.
import { describe, expect, it } from 'vitest';
import { type HeldResponse, MemoryTier } from '../../core/cache/memory-tier.ts';
import { DEFAULT_CACHE_POLICY } from '../../core/cache/policy.ts';
import { decideStorable } from '../../core/cache/storable.ts';
import { encodeStored } from '../../core/cache/stored-response.ts';
import type { Fields } from '../../core/http/fields.ts';
import { readStored } from '../../worker/data-plane/read-stored.ts';

const NOW = Date.UTC(2026, 10, 21, 12);
const BOUND_MS = 5_000;

function held(
  response: Fields,
  more: { request?: Fields; bytes?: number; askedAt?: number } = {},
): HeldResponse {
  const { request = [], bytes = 10, askedAt = NOW } = more;
  const verdict = decideStorable(
    {
      request: { method: 'GET', fields: request },
      response: { status: 200, fields: response },
      keyParts: [],
      requestedAt: askedAt,
      receivedAt: askedAt,
    },
    DEFAULT_CACHE_POLICY,
  );
  if (verdict.type !== 'storable') throw new Error(`Not stored: ${verdict.reason}`);
  return { stored: verdict.stored, body: new Uint8Array(bytes), askedAt, usableUntil: askedAt + BOUND_MS };
}

const HOUR = ['cache-control', 'max-age=3600'] as const;
const get = (...fields: Fields) => ({
  method: 'GET',
  fields: () => fields,
  ownFields: fields,
  keyParts: [],
});
const find = (tier: MemoryTier, nowMs: number, request = get(), key = 'k') =>
  tier.find(key, request, nowMs, DEFAULT_CACHE_POLICY);

describe('the memory of an isolate', () => {
  it('answers up to the bound and not beyond, however fresh the response is', () => {
    const tier = new MemoryTier(100_000);
    tier.keep('k', held([HOUR]), NOW);
    expect(find(tier, NOW + BOUND_MS - 1)).toMatchObject({ ttlSeconds: 3595 });
    expect(find(tier, NOW + BOUND_MS)).toBeNull();
    expect(tier.bytes).toBe(0);
  });

  it('counts the bound from the question, so an answer that took it all is of no use', () => {
    const tier = new MemoryTier(100_000);
    tier.keep('k', held([HOUR]), NOW + BOUND_MS);
    expect(tier.bytes).toBe(0);
  });

  it('leaves everything but fresh answers to the shard', () => {
    const tier = new MemoryTier(100_000);
    tier.keep('k', held([['cache-control', 'max-age=2, stale-while-revalidate=60']]), NOW);
    expect(find(tier, NOW + 1_999)).not.toBeNull();
    expect(find(tier, NOW + 2_000)).toBeNull();
    expect(find(tier, NOW, get(['cache-control', 'no-cache']))).toBeNull();
    expect(find(tier, NOW, { ...get(), method: 'POST' })).toBeNull();
    expect(find(tier, NOW, get(), 'other')).toBeNull();
  });

  it('keeps variants side by side, one of each', () => {
    const tier = new MemoryTier(100_000);
    const inLanguage = (language: string, bytes: number) =>
      held([HOUR, ['vary', 'x-lang']], { request: [['x-lang', language]], bytes });
    for (const [language, bytes] of [
      ['de', 1],
      ['en', 2],
      ['de', 3],
    ] as const)
      tier.keep('k', inLanguage(language, bytes), NOW);
    expect(find(tier, NOW, get(['x-lang', 'de']))?.held.body.byteLength).toBe(3);
    expect(find(tier, NOW, get(['x-lang', 'en']))?.held.body.byteLength).toBe(2);
    expect(find(tier, NOW, get(['x-lang', 'fr']))).toBeNull();
  });

  it('makes the fields that depend on who asks only where a response varies by them', () => {
    const tier = new MemoryTier(100_000);
    let made = 0;
    const asked = (forwardedFor: string) => ({
      ...get(['x-lang', 'de']),
      fields: () => {
        made++;
        return [
          ['x-lang', 'de'],
          ['x-forwarded-for', forwardedFor],
        ] as const;
      },
    });
    tier.keep('plain', held([HOUR, ['vary', 'x-lang']], { request: [['x-lang', 'de']] }), NOW);
    expect(find(tier, NOW, asked('10.0.0.1'), 'plain')).not.toBeNull();
    expect(made).toBe(0);
    const request = [['x-forwarded-for', '10.0.0.1']] as const;
    tier.keep('by client', held([HOUR, ['vary', 'x-forwarded-for']], { request }), NOW);
    expect(find(tier, NOW, asked('10.0.0.1'), 'by client')).not.toBeNull();
    expect(find(tier, NOW, asked('10.0.0.2'), 'by client')).toBeNull();
    expect(made).toBe(2);
  });

  it('reads what a shard sends again from memory; what cannot be read is none', () => {
    const { stored } = held([HOUR]);
    const meta = encodeStored(stored);
    expect(readStored(meta)).toEqual(stored);
    expect(readStored(`${meta}`)).toBe(readStored(meta));
    for (const _ of [1, 2]) expect(readStored('{"format":-1}')).toBeNull();
    for (let i = 0; i < 2_000; i++) readStored(encodeStored({ ...stored, dateAt: i }));
    expect(readStored(meta)).toEqual(stored);
  });

  it('stays within its bytes, whatever comes', () => {
    const tier = new MemoryTier(20_000);
    for (let i = 0; i < 200; i++) {
      tier.keep(`k${i % 37}`, held([HOUR], { bytes: 100 + ((i * 977) % 9_000) }), NOW);
      expect(tier.bytes).toBeLessThanOrEqual(20_000);
    }
    tier.keep('large', held([HOUR], { bytes: 30_000 }), NOW);
    expect(find(tier, NOW, get(), 'large')).toBeNull();
  });

  it('keeps a bounded number of variants under one key', () => {
    const tier = new MemoryTier(10_000_000);
    for (let i = 0; i < 100; i++) {
      tier.keep('k', held([HOUR, ['vary', 'x']], { request: [['x', String(i)]], bytes: 1_000 }), NOW);
    }
    expect(tier.bytes).toBeLessThan(40_000);
    expect(find(tier, NOW, get(['x', '99']))).not.toBeNull();
  });

  it('forgets what was changed here, and takes no answer to a question from before', () => {
    const tier = new MemoryTier(100_000);
    tier.keep('k', held([HOUR]), NOW);
    tier.keep('other', held([HOUR]), NOW);
    tier.forget('k', NOW + 10);
    expect(find(tier, NOW + 10)).toBeNull();
    expect(find(tier, NOW + 10, get(), 'other')).not.toBeNull();
    tier.keep('k', held([HOUR], { askedAt: NOW + 10 }), NOW + 20);
    expect(find(tier, NOW + 20)).toBeNull();
    tier.keep('k', held([HOUR], { askedAt: NOW + 11 }), NOW + 20);
    expect(find(tier, NOW + 20)).not.toBeNull();
    tier.forgetAll(NOW + 30);
    expect(tier.bytes).toBe(0);
  });

  it('of no bytes keeps nothing', () => {
    const tier = new MemoryTier(0);
    tier.keep('k', held([HOUR]), NOW);
    expect(find(tier, NOW)).toBeNull();
  });
});
