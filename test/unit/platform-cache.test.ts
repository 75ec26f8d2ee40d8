// Copies in the platform's cache, and until when an isolate may use one that another has left there.
import { describe, expect, it } from 'vitest';
import type { StoredResponse } from '../../core/cache/stored-response.ts';
import { seededRandom } from '../../core/random.ts';
import { Contacts } from '../../core/replication/contacts.ts';
import { type CacheOfRuntime, createPlatformCache } from '../../worker/data-plane/platform-cache.ts';

const at = (op: number, view = 0) => ({ view, op });

describe('contacts with a group', () => {
  it('let a copy be used for as long as an answer from a place not beyond its own', () => {
    const contacts = new Contacts();
    expect(contacts.usableUntil('g', at(9))).toBe(Number.NEGATIVE_INFINITY);
    contacts.heard('g', at(5), 1_000);
    contacts.heard('g', at(8), 2_000);
    expect([4, 5, 7, 8, 9].map((op) => contacts.usableUntil('g', at(op)))).toEqual([
      Number.NEGATIVE_INFINITY,
      1_000,
      1_000,
      2_000,
      2_000,
    ]);
    expect(contacts.usableUntil('g', at(1, 1))).toBe(2_000);
    expect(contacts.usableUntil('other', at(9))).toBe(Number.NEGATIVE_INFINITY);
    expect([contacts.hasAny('g', 1_999), contacts.hasAny('g', 2_000), contacts.hasAny('x', 0)]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it('take a later answer from the same place, or from an older one, for all that it is good for', () => {
    const contacts = new Contacts();
    contacts.heard('g', at(5), 1_000);
    contacts.heard('g', at(5), 3_000);
    contacts.heard('g', at(7), 2_000);
    expect([5, 7].map((op) => contacts.usableUntil('g', at(op)))).toEqual([3_000, 3_000]);
  });

  it('never let more than they know, and little less, however many there are and in whatever order', () => {
    const random = seededRandom(7);
    const contacts = new Contacts();
    const all: { op: number; until: number }[] = [];
    for (let i = 0; i < 2_000; i++) {
      const until = i * 5 + Math.floor(random.next() * 300);
      const op = Math.floor((i * 5 + random.next() * 400) / 3);
      all.push({ op, until });
      contacts.heard('g', at(op), until);
      const asked = Math.floor(op - 500 + random.next() * 700);
      const known = Math.max(...all.filter((one) => one.op <= asked).map((one) => one.until), -1);
      const told = contacts.usableUntil('g', at(asked));
      expect(told).toBeLessThanOrEqual(known);
      // Of what still counts, with a bound of five seconds.
      if (known > i * 5 && asked > op - 100) expect(known - told).toBeLessThan(1_000);
    }
  });

  it('are bounded in number', () => {
    const contacts = new Contacts();
    for (let i = 0; i < 3_000; i++) contacts.heard(`g${i}`, at(1), 1_000);
    const known = Array.from({ length: 3_000 }, (_, i) => contacts.hasAny(`g${i}`, 0)).filter(Boolean);
    expect(known.length).toBeLessThanOrEqual(1_024);
  });
});

describe('the platform’s cache', () => {
  const stored: StoredResponse = {
    status: 200,
    fields: [['x-own', 'ü']],
    vary: [],
    keyParts: [],
    part: null,
    requestedAt: 1,
    receivedAt: 2,
    dateAt: 2,
    bornAt: 2,
    freshUntilAt: 1e15,
    alwaysValidate: false,
    neverStale: false,
    servesAuthorized: false,
    staleWhileRevalidateSeconds: null,
    staleIfErrorSeconds: null,
  };
  const copy = { stored, body: Uint8Array.of(0, 255, 7), groupId: 'g', place: at(4, 2) };
  const inMemory = () => {
    const entries = new Map<string, Response>();
    const cache: CacheOfRuntime = {
      match: async (name) => entries.get(String(name))?.clone(),
      put: async (name, response) => void entries.set(String(name), response),
    };
    return { entries, cache: createPlatformCache(async () => cache) };
  };

  it('gives back what was left, under a name that is nobody’s URL', async () => {
    const { cache, entries } = inMemory();
    expect(await cache.find('http://a.test/x')).toBeNull();
    await cache.keep('http://a.test/x', copy);
    expect(await cache.find('http://a.test/x')).toEqual(copy);
    expect(await cache.find('http://b.test/x')).toBeNull();
    expect([...entries.keys()]).toEqual([
      expect.stringMatching(/^https:\/\/roundel\.invalid\/[0-9a-f]{64}$/),
    ]);
  });

  it('takes nothing that was left under another key, or by other code', async () => {
    const { cache, entries } = inMemory();
    await cache.keep('http://a.test/x', copy);
    await cache.keep('http://b.test/x', copy);
    const [a = '', b = ''] = [...entries.keys()];
    entries.set(a, entries.get(b) ?? new Response());
    expect(await cache.find('http://a.test/x')).toBeNull();
    for (const text of ['', '\0\0\0\u0005hello', '\u007f\u007f\u007f\u007fx']) {
      entries.set(a, new Response(text));
      expect(await cache.find('http://a.test/x')).toBeNull();
    }
    expect(cache.isThere).toBe(true);
  });

  it.each(['open', 'match'] as const)('is asked no more where there is none (%s throws)', async (what) => {
    let asked = 0;
    const none = (): Promise<never> => {
      asked++;
      return Promise.reject(new Error('No Cache was configured'));
    };
    const cache = createPlatformCache(what === 'open' ? none : async () => ({ match: none, put: none }));
    expect(await cache.find('k')).toBeNull();
    await cache.keep('k', copy);
    expect([await cache.find('k'), asked, cache.isThere]).toEqual([null, 1, false]);
  });

  it('is not waited for when it hangs', async () => {
    const hanging = { match: () => new Promise<never>(() => {}), put: async () => {} };
    expect(await createPlatformCache(async () => hanging).find('k')).toBeNull();
  });
});
