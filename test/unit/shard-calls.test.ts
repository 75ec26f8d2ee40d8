// The pure parts of talking to shards: what a caller does after a failed try, how log items become bytes, and what a
// purge asks of which shard.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planPurge } from '../../core/purging/plan-purge.ts';
import type { PurgeSelection } from '../../core/purging/purge-selection.ts';
import { inOrder, selectionText } from '../../core/purging/purge-selection.ts';
import type { Command } from '../../core/replication/commands.ts';
import type { LogItem, Message } from '../../core/replication/messages.ts';
import { httpEntryKey } from '../../core/sharding/entry-key.ts';
import {
  afterFailure,
  asksRelay,
  beginCall,
  betterHint,
  type FailedTry,
} from '../../core/sharding/group-call.ts';
import { Relays } from '../../core/sharding/relays.ts';
import { slotOfKey, targetSlotMap } from '../../core/sharding/slot-map.ts';
import type { ShardMap } from '../../durable-objects/interfaces/directory.ts';
import type { Ask } from '../../durable-objects/run-effects.ts';
import { pack, unpack } from '../../durable-objects/shard-replica/packed-message.ts';
import { isForPrimary } from '../../durable-objects/shard-replica/relay.ts';
import { submitAll } from '../../durable-objects/shard-replica/submit.ts';
import { chunkHashesOf, decodeItems, encodeItems } from '../../durable-objects/storage/item-codec.ts';
import { RecentMap } from '../../durable-objects/storage/recent-map.ts';
import { chunksOf } from '../../worker/data-plane/shard-chunks.ts';

const LONG_MS = 60_000;
const DONE = { type: 'result', result: { type: 'purged' } } as const;
const threw: FailedTry = { type: 'threw', overloaded: false, message: 'Network connection lost.' };

describe('a call to a group', () => {
  const call = beginCall({ view: 3, primary: 0 });

  it('follows a correction at once', () => {
    const move = afterFailure(call, { type: 'not-primary', view: 4, primary: 1 }, LONG_MS, 3);
    expect(move).toMatchObject({ type: 'try', afterMs: 0, call: { hint: { view: 4, primary: 1 } } });
  });

  it('asks another member at once when the primary is silent, and tells it whom it suspects', () => {
    for (const failure of [threw, { type: 'timed-out' } as const]) {
      const move = afterFailure(call, failure, LONG_MS, 3);
      expect(move).toMatchObject({ type: 'try', afterMs: 0, call: { target: 1, suspects: 3 } });
      if (move.type !== 'try') throw new Error(move.detail);
      // That one knows no better: back to the primary, a little later, with nobody suspected yet.
      const back = afterFailure(move.call, { type: 'not-primary', view: 3, primary: 0 }, LONG_MS, 3);
      expect(back).toMatchObject({ call: { target: 0, suspects: null, hint: { view: 3, primary: 0 } } });
    }
  });

  it('has others hand its request on to a primary that is silent, until somebody knows of a later view', () => {
    const move = afterFailure(call, threw, LONG_MS, 3);
    if (move.type !== 'try') throw new Error(move.detail);
    expect([asksRelay(call), asksRelay(move.call)]).toEqual([false, true]);
    const next = afterFailure(move.call, threw, LONG_MS, 3);
    if (next.type !== 'try') throw new Error(next.detail);
    expect([next.call.target, next.call.suspects, asksRelay(next.call)]).toEqual([2, null, true]);
    // Back at the primary there is nothing to hand on.
    const last = afterFailure(next.call, threw, LONG_MS, 3);
    if (last.type !== 'try') throw new Error(last.detail);
    expect([last.call.target, asksRelay(last.call)]).toEqual([0, false]);
    const news = afterFailure(move.call, { type: 'not-primary', view: 4, primary: 1 }, LONG_MS, 3);
    expect(news).toMatchObject({ call: { target: 1, isCutOff: false } });
  });

  it('has it handed on too where it knows of a later view that never started', () => {
    const told = afterFailure(call, { type: 'not-primary', view: 2, primary: 2 }, LONG_MS, 3);
    if (told.type !== 'try') throw new Error(told.detail);
    const silent = afterFailure(told.call, threw, LONG_MS, 3);
    const again = silent.type === 'try' ? afterFailure(silent.call, threw, LONG_MS, 3) : silent;
    if (again.type !== 'try') throw new Error(again.detail);
    expect([told.call.target, again.call.target, asksRelay(again.call)]).toEqual([2, 1, true]);
  });

  it('begins with the member by way of which the primary is reached, unless that is the primary', () => {
    const via = beginCall({ view: 3, primary: 0 }, 2);
    expect([via.target, asksRelay(via), via.suspects]).toEqual([2, true, null]);
    expect(beginCall({ view: 5, primary: 2 }, 2)).toMatchObject({ target: 2, isCutOff: false });
  });

  it('suspects nobody for being overloaded, slow to recover, or not born', () => {
    const recovering = afterFailure(call, { type: 'not-ready', reason: 'recovering' }, LONG_MS, 3);
    expect(recovering).toMatchObject({ call: { target: 0, suspects: null } });
    // It may be cut off and say so for ever: now and then another one is asked.
    const fifth = afterFailure(
      { ...call, tries: 4 },
      { type: 'not-ready', reason: 'recovering' },
      LONG_MS,
      3,
    );
    expect(fifth).toMatchObject({ call: { target: 1, suspects: null } });
    const unborn = afterFailure(call, { type: 'not-ready', reason: 'unborn' }, LONG_MS, 3);
    expect(unborn).toMatchObject({ call: { target: 1, suspects: null } });
  });

  it('may have done something where a part of it was carried out, though the whole was refused', async () => {
    const result: Ask = {
      type: 'answered',
      answer: { ...DONE, bookmark: { view: 1, op: 2 }, limitMs: 5_000 },
    };
    const overloaded: Ask = { type: 'answered', answer: { type: 'overloaded' } };
    const deposed: Ask = { type: 'answered', answer: { type: 'deposed', view: 4, primary: 1 } };
    const refused = async (...asks: Ask[]): Promise<FailedTry> => {
      const answer = await submitAll({ askAll: async () => asks }, []);
      if (answer.type === 'results') throw new Error('it was done');
      return answer;
    };
    for (const other of [result, deposed, { type: 'timed-out' } as const]) {
      const partly = await refused(overloaded, other);
      expect(afterFailure(call, partly, LONG_MS, 3)).toMatchObject({ type: 'give-up', maybeDone: true });
    }
    const notPrimary = { type: 'not-primary', view: 4, primary: 1 } as const;
    const handsOn = async (...asks: Ask[]) => isForPrimary(await refused(...asks));
    expect(await handsOn({ type: 'answered', answer: notPrimary }, deposed)).toBe(false);
    expect(await handsOn({ type: 'answered', answer: notPrimary })).toBe(true);
    const notAtAll = await refused(overloaded, overloaded);
    expect(afterFailure(call, notAtAll, LONG_MS, 3)).toMatchObject({ type: 'give-up', maybeDone: false });
  });

  it('asks whom an older view names, since a later one need never start, but does not believe it', () => {
    const move = afterFailure(call, { type: 'not-primary', view: 2, primary: 2 }, LONG_MS, 3);
    expect(move).toMatchObject({ type: 'try', call: { target: 2, hint: { view: 3, primary: 0 } } });
  });

  it('pauses longer after each failure, up to a bound, also when members send it in circles', () => {
    let now = call;
    const pauses: number[] = [];
    for (let i = 0; i < 12; i++) {
      const failure: FailedTry =
        i % 2 === 0
          ? { type: 'not-primary', view: 3, primary: i % 3 }
          : { type: 'not-ready', reason: 'recovering' };
      const move = afterFailure(now, failure, LONG_MS, 3);
      if (move.type !== 'try') throw new Error(move.detail);
      pauses.push(move.afterMs);
      now = move.call;
    }
    expect(pauses.filter((ms) => ms === 0)).toHaveLength(3);
    expect(pauses.slice(7)).toEqual([400, 400, 400, 400, 400]);
  });

  it('comes from one that recovers for ever to the primary while a lookup may last', () => {
    // Member 0 leads view 3 alone, and nobody hears it; the others are in view 2, of which member 2 is primary.
    let now = call;
    let pausedMs = 0;
    while (now.target !== 2) {
      const failure: FailedTry =
        now.target === 0
          ? { type: 'not-ready', reason: 'recovering' }
          : { type: 'not-primary', view: 2, primary: 2 };
      const move = afterFailure(now, failure, LONG_MS, 3);
      if (move.type !== 'try') throw new Error(move.detail);
      pausedMs += move.afterMs;
      now = move.call;
    }
    expect(pausedMs).toBeLessThanOrEqual(300);
  });

  it('gives up when the next try would come too late', () => {
    expect(afterFailure(call, { type: 'not-ready', reason: 'recovering' }, 20, 3).type).toBe('give-up');
    expect(afterFailure(call, { type: 'not-ready', reason: 'recovering' }, 21, 3).type).toBe('try');
  });

  it.each<FailedTry>([
    { type: 'overloaded' },
    { type: 'unknown-protocol' },
    { type: 'too-large', bytes: 2, bytesMax: 1 },
    { type: 'threw', overloaded: true, message: 'overloaded' },
  ])('never tries again after %o, where nothing was done', (failure) => {
    expect(afterFailure(call, failure, LONG_MS, 3)).toMatchObject({ type: 'give-up', maybeDone: false });
  });

  it('remembers for ever that a try may have been carried out', () => {
    for (const failure of [threw, { type: 'timed-out' } as const]) {
      const move = afterFailure(call, failure, LONG_MS, 3);
      if (move.type !== 'try') throw new Error(move.detail);
      expect(afterFailure(move.call, { type: 'overloaded' }, LONG_MS, 3)).toMatchObject({
        type: 'give-up',
        maybeDone: true,
      });
    }
    expect(afterFailure(call, { type: 'not-ready', reason: 'unborn' }, 0, 3)).toMatchObject({
      maybeDone: false,
    });
  });

  it('believes the later view', () => {
    expect(betterHint({ view: 2, primary: 2 }, { view: 1, primary: 1 })).toEqual({ view: 2, primary: 2 });
    expect(betterHint({ view: 2, primary: 2 }, { view: 2, primary: 0 })).toEqual({ view: 2, primary: 0 });
  });
});

describe('a way round', () => {
  it('is taken for a while, and one call in ten seconds looks whether it is still needed', () => {
    const relays = new Relays();
    expect(relays.via('g', 0)).toBeNull();
    relays.served('g', 2, 0);
    relays.served('g', 2, 5_000);
    expect([relays.via('g', 9_999), relays.via('other', 0)]).toEqual([2, null]);
    expect([relays.via('g', 10_000), relays.via('g', 10_001)]).toEqual([null, 2]);
    relays.forget('g');
    expect(relays.via('g', 10_002)).toBeNull();
  });
});

describe('log items', () => {
  const bytes = fc.uint8Array({ maxLength: 300 });
  const body = fc.oneof(
    bytes.map((content) => ({ type: 'inline' as const, bytes: content })),
    fc.record({
      type: fc.constant('chunks' as const),
      hashes: fc.array(fc.constantFrom('aa', 'bb', 'cc'), { minLength: 1, maxLength: 3 }),
      bytes: fc.nat(),
    }),
  );
  const anyText = fc.string({ unit: 'grapheme', maxLength: 20 });
  const command: fc.Arbitrary<Command> = fc.oneof(
    fc.record({
      type: fc.constant('put' as const),
      key: anyText,
      value: fc.record({ meta: anyText, body }),
      condition: fc.constantFrom(null, { type: 'absent' as const }, { type: 'etag' as const, etags: ['a'] }),
      ttlMs: fc.option(fc.nat()),
      tags: fc.array(anyText, { maxLength: 3 }),
    }),
    fc.record({
      type: fc.constant('fill' as const),
      key: anyText,
      variant: anyText,
      value: fc.record({ meta: anyText, body }),
      token: fc.constant({ groupId: 'g', view: 1, op: 2, t: 3 }),
      ttlMs: fc.nat(),
      tags: fc.constant([]),
    }),
    fc.record({ type: fc.constant('delete' as const), key: anyText, condition: fc.constant(null) }),
    fc.constant<Command>({ type: 'purge', selector: { type: 'all' } }),
    fc.constant<Command>({ type: 'viewStart' }),
  );
  const items: fc.Arbitrary<LogItem[]> = fc.array(fc.record({ reqId: anyText, digest: anyText, command }), {
    maxLength: 6,
  });

  it('come back from bytes as they were, each body with a buffer of its own', () => {
    fc.assert(
      fc.property(items, (given) => {
        const decoded = decodeItems(encodeItems(given));
        expect(decoded).toEqual(given);
        for (const { command: found } of decoded) {
          if (found.type !== 'put' && found.type !== 'fill') continue;
          const { body: kept } = found.value;
          if (kept.type === 'inline') expect(kept.bytes.buffer.byteLength).toBe(kept.bytes.byteLength);
        }
      }),
    );
  });

  it('are read from the middle of a larger buffer as well', () => {
    fc.assert(
      fc.property(items, (given) => {
        const encoded = encodeItems(given);
        const larger = new Uint8Array(encoded.byteLength + 11);
        larger.set(encoded, 7);
        expect(decodeItems(larger.subarray(7, 7 + encoded.byteLength))).toEqual(given);
      }),
    );
  });

  it('travel to other members as these bytes, made once', () => {
    const prepare = (given: LogItem[]): Message => ({
      protocol: 3,
      groupId: 'g',
      epoch: 1,
      from: 0,
      to: 1,
      incarnation: 1,
      view: 2,
      body: {
        type: 'prepare',
        prev: { view: 2, op: 4 },
        entries: [{ op: 5, view: 2, t: 6, items: given }],
        commit: 4,
        isHeard: true,
      },
    });
    fc.assert(
      fc.property(items, (given) => {
        const sent = pack(prepare(given));
        expect(sent.packed?.[0]?.items).toBe(encodeItems(given));
        const received = unpack(structuredClone(sent));
        expect(received).toEqual(prepare(given));
        if (received.body.type !== 'prepare') throw new Error(received.body.type);
        // What the receiver puts on its disk is what came.
        const [entry] = received.body.entries;
        expect(encodeItems(entry?.items ?? [])).toEqual(encodeItems(given));
      }),
    );
    const heartbeat: Message = {
      ...prepare([]),
      body: { type: 'prepare', prev: { view: 2, op: 4 }, entries: [], commit: 4 },
    };
    expect(pack(heartbeat)).toBe(heartbeat);
    // Of a member that does not pack.
    expect(unpack(prepare([]))).toEqual(prepare([]));
  });

  it('are refused when cut short or of another format', () => {
    const put = { type: 'put', key: 'k', condition: null, ttlMs: null, tags: [] } as const;
    const value = { meta: '', body: { type: 'inline', bytes: new Uint8Array(9) } } as const;
    const encoded = encodeItems([{ reqId: 'r', digest: 'd', command: { ...put, value } }]);
    expect(() => decodeItems(encoded.slice(0, -1))).toThrow();
    expect(() => decodeItems(encoded.slice(0, 20))).toThrow('cut short');
    encoded[0] = 9;
    expect(() => decodeItems(encoded)).toThrow('their format is 9');
  });

  it('name the chunks of their bodies, each once', () => {
    const put = (hashes: string[]): LogItem => ({
      reqId: '',
      digest: '',
      command: {
        type: 'put',
        key: 'k',
        value: { meta: '', body: { type: 'chunks', hashes, bytes: 1 } },
        condition: null,
        ttlMs: null,
        tags: [],
      },
    });
    expect(chunkHashesOf([put(['a', 'b']), put(['b', 'c'])])).toEqual(['a', 'b', 'c']);
    expect(chunkHashesOf([])).toBeNull();
  });
});

describe('the plan of a purge', () => {
  const slots = targetSlotMap(4);
  const groups = [0, 1, 2, 3].map((shard) => ({ shard, groupId: `g${shard}`, members: [] }));
  const map: ShardMap = { epoch: 1, slots, groups };
  const keys = Array.from({ length: 50 }, (_, i) => httpEntryKey(`http://www.example/${i}`));

  const NOTHING: PurgeSelection = {
    keys: [],
    tags: [],
    prefixes: [],
    all: false,
    namespaces: [],
    soft: false,
  };

  it('asks each shard for the URLs that are its own, by ids that follow from the purge', () => {
    const plan = planPurge(map, 'p', { ...NOTHING, keys });
    const asked = plan.flatMap(({ group, commands }) =>
      commands.map(({ reqId, command }) => {
        if (command.type !== 'purge' || command.selector.type !== 'url') throw new Error(command.type);
        expect(slots[slotOfKey(command.selector.key)]).toBe(group.shard);
        expect(reqId).toBe(`purge/p/${keys.indexOf(command.selector.key)}`);
        return command.selector.key;
      }),
    );
    expect(asked.sort()).toEqual([...keys].sort());
  });

  it('leaves out the shards that nothing concerns, and asks all of them for everything', () => {
    expect(planPurge(map, 'p', { ...NOTHING, keys: keys.slice(0, 1) }).length).toBe(1);
    const everything = planPurge(map, 'p', { ...NOTHING, all: true, keys });
    expect(everything.map(({ group }) => group.shard)).toEqual([0, 1, 2, 3]);
    for (const { commands } of everything) {
      expect(commands).toEqual([
        { reqId: 'purge/p/all', command: { type: 'purge', selector: { type: 'all' } } },
      ]);
    }
  });
});

describe('the plan of a purge by scopes', () => {
  const groups = [0, 1].map((shard) => ({ shard, groupId: `g${shard}`, members: [] }));
  const map: ShardMap = { epoch: 1, slots: targetSlotMap(2), groups };
  const url = httpEntryKey('http://www.example/');
  const selection: PurgeSelection = {
    keys: [url],
    tags: ['a', 'b'],
    prefixes: ['http://h/'],
    all: true,
    namespaces: ['n'],
    soft: true,
  };

  it('asks every shard for every scope, softly but for namespaces, and covers no URL by a soft one', () => {
    const plan = planPurge(map, 'p', selection);
    const own = map.slots[slotOfKey(url)];
    for (const { group, commands } of plan) {
      expect(commands).toEqual([
        { reqId: 'purge/p/all', command: { type: 'purge', selector: { type: 'all' }, soft: true } },
        {
          reqId: 'purge/p/tag/0',
          command: { type: 'purge', selector: { type: 'tag', tag: 'a' }, soft: true },
        },
        {
          reqId: 'purge/p/tag/1',
          command: { type: 'purge', selector: { type: 'tag', tag: 'b' }, soft: true },
        },
        {
          reqId: 'purge/p/prefix/0',
          command: { type: 'purge', selector: { type: 'prefix', prefix: 'http://h/' }, soft: true },
        },
        {
          reqId: 'purge/p/namespace/0',
          command: { type: 'purge', selector: { type: 'namespace', namespace: 'n' } },
        },
        ...(group.shard === own
          ? [
              {
                reqId: 'purge/p/0',
                command: { type: 'purge', selector: { type: 'url', key: url }, soft: true },
              },
            ]
          : []),
      ]);
    }
    expect(plan.length).toBe(2);
  });

  it('a selection has one form and one text, and another text where anything differs', () => {
    const doubled = inOrder({ ...selection, tags: ['b', 'a', 'b'], keys: [url, url] });
    expect(doubled).toEqual(selection);
    const texts = [
      selection,
      { ...selection, tags: ['a'] },
      { ...selection, tags: [], prefixes: ['a', 'b'] },
      { ...selection, soft: false },
      { ...selection, namespaces: [] },
      { ...selection, all: false },
      { ...selection, keys: [] },
    ].map(selectionText);
    expect(new Set(texts).size).toBe(texts.length);
  });

  it('a selection that version 0.1 knew has the text that it gave it', () => {
    const old = { ...selection, tags: [], prefixes: [], namespaces: [], soft: false };
    expect(selectionText(old)).toBe(JSON.stringify([true, [url]]));
  });
});

describe('chunks of a body', () => {
  it('make up the body again, at most 1 MiB each, equal ones with equal names', async () => {
    const body = new Uint8Array(2.5 * 1024 * 1024).fill(7);
    const chunks = await chunksOf(body);
    expect(chunks.map(({ bytes }) => bytes.byteLength)).toEqual([1_048_576, 1_048_576, 524_288]);
    expect(chunks[0]?.hash).toBe(chunks[1]?.hash);
    expect(chunks[2]?.hash).not.toBe(chunks[1]?.hash);
    expect(chunks[0]?.hash).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('a recent map', () => {
  it('forgets what was set longest ago', () => {
    const recent = new RecentMap<string, number>(2);
    recent.set('a', 1);
    recent.set('b', 2);
    recent.set('a', 3);
    recent.set('c', 4);
    expect(['a', 'b', 'c'].map((key) => recent.get(key))).toEqual([3, undefined, 4]);
  });
});
