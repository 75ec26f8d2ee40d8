// Operations of concurrent requests in one call: who calls, with what, and that nobody's wait hangs on another request.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DEFAULT_CACHE_POLICY } from '../../core/cache/policy.ts';
import type { ShardGroup } from '../../durable-objects/interfaces/directory.ts';
import type {
  LookedUp,
  LookupOutcome,
  ShardReplicaRpc,
} from '../../durable-objects/interfaces/shard-replica.ts';
import { createGatherer, GATHERED_BYTES_MAX, GATHERED_OPS_MAX } from '../../worker/data-plane/gather.ts';
import type { CommonOp } from '../../worker/data-plane/gathered-call.ts';
import { createShardCaller } from '../../worker/data-plane/shard-call.ts';

const LIMIT_MS = 1_000;
const read = (key: string): CommonOp => ({ type: 'read', key, need: { level: 'bounded' }, withBody: true });
const put = (bytes: number): CommonOp => ({
  type: 'command',
  reqId: `r${bytes}`,
  command: {
    type: 'put',
    key: 'k',
    value: { meta: '', body: { type: 'inline', bytes: new Uint8Array(bytes) } },
    condition: null,
    ttlMs: null,
    tags: [],
  },
});
function keyOf(op: CommonOp): string {
  if (op.type === 'lookup') return op.query.key;
  return op.type === 'read' ? op.key : op.reqId;
}

/** Turns come when the test says so; work is kept going unless its request is cut off. */
function world() {
  const turns: (() => void)[] = [];
  const calls: string[][] = [];
  const gatherer = createGatherer<string>({
    now: () => Date.now(),
    waitUntil: () => {},
    nextTurn: () => new Promise((resolve) => turns.push(resolve)),
  });
  return {
    calls,
    gatherer,
    nextTurn: () => {
      for (const resolve of turns.splice(0)) resolve();
    },
    cutOff: () => turns.splice(0),
    ask: (op: CommonOp, place = 'here') =>
      gatherer.ask(
        place,
        op,
        async (ops) => {
          calls.push(ops.map(keyOf));
          return ops.map((one) => `of ${keyOf(one)}`);
        },
        LIMIT_MS,
      ),
  };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('an operation that is alone', () => {
  it('leaves at once, whatever was asked long before it', async () => {
    const { ask, calls, nextTurn } = world();
    expect(await ask(read('a'))).toBe('of a');
    expect(await ask(read('b'))).toBe('of b');
    const together = ['c', 'd', 'e'].map((key) => ask(read(key)));
    nextTurn();
    await Promise.all(together);
    await vi.advanceTimersByTimeAsync(100);
    expect(await ask(read('f'))).toBe('of f');
    expect(calls).toEqual([['a'], ['b'], ['c'], ['d', 'e'], ['f']]);
  });
});

describe('operations that come while a call is under way', () => {
  it('share one, and each has its own outcome', async () => {
    const { ask, calls, nextTurn } = world();
    const asked = ['first', 'a', 'b', 'c'].map((key) => ask(read(key)));
    nextTurn();
    expect(await Promise.all(asked)).toEqual(['of first', 'of a', 'of b', 'of c']);
    expect(calls).toEqual([['first'], ['a', 'b', 'c']]);
  });

  it('share one also when they come soon after it is back, since more are to be expected', async () => {
    const { ask, calls, nextTurn } = world();
    const before = ['first', 'a', 'b'].map((key) => ask(read(key)));
    nextTurn();
    await Promise.all(before);
    const after = ['c', 'd'].map((key) => ask(read(key)));
    nextTurn();
    await Promise.all(after);
    expect(calls).toEqual([['first'], ['a', 'b'], ['c', 'd']]);
  });

  it('of another place do not', async () => {
    const { ask, calls, nextTurn } = world();
    const asked = [ask(read('first')), ask(read('a'), 'there'), ask(read('b'))];
    nextTurn();
    await Promise.all(asked);
    expect(calls).toEqual([['first'], ['a'], ['b']]);
  });

  it('are so many at most, and so many bytes', async () => {
    const { ask, calls, nextTurn } = world();
    const many = Array.from({ length: GATHERED_OPS_MAX + 2 }, (_, i) => ask(read(`${i}`)));
    nextTurn();
    await Promise.all(many);
    expect(calls.map(({ length }) => length)).toEqual([1, GATHERED_OPS_MAX, 1]);
    calls.length = 0;
    const large = [ask(put(GATHERED_BYTES_MAX - 10)), ask(put(11)), ask(put(12))];
    nextTurn();
    await Promise.all(large);
    expect(calls.map(({ length }) => length)).toEqual([1, 2]);
  });

  it('all hear that the call failed', async () => {
    const { gatherer, nextTurn } = world();
    const asked = ['first', 'a', 'b'].map((key) =>
      gatherer.ask('here', read(key), () => Promise.reject(new Error('gone')), LIMIT_MS),
    );
    const heard = Promise.allSettled(asked);
    nextTurn();
    for (const one of await heard) expect(one).toMatchObject({ reason: { message: 'gone' } });
  });

  it('hear nothing where fewer outcomes came than there are', async () => {
    const { gatherer, nextTurn } = world();
    const asked = ['first', 'a', 'b'].map((key) =>
      gatherer.ask('here', read(key), async () => ['one'], LIMIT_MS),
    );
    const heard = Promise.allSettled(asked);
    nextTurn();
    expect(await heard).toMatchObject([
      { value: 'one' },
      { value: 'one' },
      { reason: { message: /too few/ } },
    ]);
  });
});

describe('a leader that is gone', () => {
  it('keeps nobody waiting beyond the limit of each', async () => {
    const { ask, cutOff } = world();
    const asked = [ask(read('first')), ask(read('a')), ask(read('b'))];
    cutOff();
    await vi.advanceTimersByTimeAsync(LIMIT_MS + 1);
    expect(await Promise.all(asked)).toEqual(['of first', null, null]);
  });

  it('is not joined by those that come later', async () => {
    const { ask, calls, cutOff } = world();
    await Promise.race([ask(read('first')), ask(read('a'))]);
    cutOff();
    await vi.advanceTimersByTimeAsync(200);
    expect(await ask(read('b'))).toBe('of b');
    expect(calls).toEqual([['first'], ['b']]);
  });
});

describe('a call to a member', () => {
  const group = { shard: 0, groupId: 'g', members: [{ name: 'm0', region: '' }] } as unknown as ShardGroup;
  const header = { protocol: 2, mapEpoch: 1, configVersion: 1, healthEpoch: 1 };
  const answered = { header, groupId: 'g', view: 3 };

  function callerOf(member: Partial<ShardReplicaRpc>) {
    const counts = { operations: 0, calls: 0 };
    const caller = createShardCaller({
      namespace: { idFromName: (name) => ({ name }), get: () => member },
      now: () => Date.now(),
      waitUntil: () => {},
      nextTurn: () => Promise.resolve(),
      header: () => header,
      heard: () => {},
      operation: () => {
        counts.operations += 1;
      },
      worked: ({ objectCalls }) => {
        counts.calls += objectCalls;
      },
    });
    return { caller, counts };
  }

  it('carries what came together; a refusal concerns one alone', async () => {
    const bookmark = { view: 3, op: 9 };
    const { caller, counts } = callerOf({
      gathered: async ({ ops }) => ({
        ...answered,
        type: 'gathered',
        outcomes: ops.map((op) =>
          keyOf(op) === 'bad' ? { type: 'too-large', bytes: 9, bytesMax: 8 } : { type: 'absent', bookmark },
        ),
      }),
    });
    const [, good, bad] = await Promise.all(
      ['first', 'good', 'bad'].map((key) => caller.ask(group, LIMIT_MS, read(key))),
    );
    expect(good).toMatchObject({ type: 'answered', answer: { type: 'absent', groupId: 'g', view: 3 } });
    expect(bad).toMatchObject({ type: 'failed', detail: expect.stringMatching(/9 bytes/) });
    expect(counts).toEqual({ operations: 3, calls: 2 });
  });

  it('is one for each operation where the member is of a version that knows no other', async () => {
    const bookmark = { view: 3, op: 9 };
    const { caller } = callerOf({
      gathered: () =>
        Promise.reject(new TypeError('The RPC receiver does not implement the method "gathered".')),
      kvRead: async () => ({ ...answered, type: 'absent', bookmark }),
      submit: async ({ requests }) => ({
        ...answered,
        type: 'results',
        results: requests.map(() => ({ type: 'done' as const })),
        limitMs: 5_000,
        bookmark,
      }),
    });
    const [found, written] = await Promise.all([
      caller.ask(group, LIMIT_MS, read('a')),
      caller.ask(group, LIMIT_MS, put(1)),
    ]);
    expect(found).toMatchObject({ type: 'answered', answer: { type: 'absent', view: 3 } });
    expect(written).toMatchObject({ type: 'answered', answer: { type: 'result', result: { type: 'done' } } });
  });

  const lookup = (key: string): CommonOp => ({
    type: 'lookup',
    query: {
      key,
      method: 'GET',
      fields: [],
      keyParts: [],
      policy: DEFAULT_CACHE_POLICY,
      level: 'bounded',
      wantLease: true,
    },
  });
  const hit = (key: string, body: LookedUp['body'] = null): LookedUp => ({
    type: 'decision',
    decision: { type: 'hit', ageSeconds: 0, ttlSeconds: 9, refresh: false },
    meta: key,
    body,
    bodyBytes: 0,
    span: null,
    isOnlyChoice: true,
    lease: null,
    bookmark: { view: 3, op: 9 },
    ageMs: 0,
    boundMs: 5_000,
  });

  it('carries lookups that came together; one that is alone gets its body as it comes', async () => {
    const body = new ReadableStream<Uint8Array>();
    const outcomeOf = (key: string): LookupOutcome => (key === 'large' ? { type: 'too-much' } : hit(key));
    const { caller, counts } = callerOf({
      lookup: async ({ key }) => ({ ...answered, ...hit(key, body) }),
      lookups: async ({ queries }) => ({
        ...answered,
        type: 'looked-up',
        outcomes: queries.map(({ key }) => outcomeOf(key)),
      }),
    });
    const [alone, small, large] = await Promise.all(
      ['alone', 'small', 'large'].map((key) => caller.ask(group, LIMIT_MS, lookup(key))),
    );
    expect(alone).toMatchObject({ type: 'answered', answer: { meta: 'alone', body, view: 3 } });
    expect(small).toMatchObject({ type: 'answered', answer: { meta: 'small', groupId: 'g' } });
    expect(large).toMatchObject({ type: 'answered', answer: { type: 'too-much' } });
    expect(counts).toEqual({ operations: 3, calls: 2 });
  });

  it('leaves lookups to those who ask where the member is of a version that takes no several', async () => {
    const { caller } = callerOf({
      lookup: async ({ key }) => ({ ...answered, ...hit(key) }),
      lookups: () =>
        Promise.reject(new TypeError('The RPC receiver does not implement the method "lookups".')),
    });
    const asked = await Promise.all(['a', 'b', 'c'].map((key) => caller.ask(group, LIMIT_MS, lookup(key))));
    expect(asked.map(({ type, ...more }) => [type, 'answer' in more && more.answer.type])).toEqual([
      ['answered', 'decision'],
      ['answered', 'too-much'],
      ['answered', 'too-much'],
    ]);
  });

  it('gives back a stream that nobody waits for any more', async () => {
    const late: unknown[] = [];
    let answer = (_: LookedUp): void => {};
    const { caller } = callerOf({
      lookup: () =>
        new Promise((resolve) => {
          answer = (looked) => resolve({ ...answered, ...looked });
        }),
    });
    const asking = caller.ask(group, 100, lookup('a'), { discard: (outcome) => late.push(outcome) });
    await vi.advanceTimersByTimeAsync(200);
    expect(await asking).toMatchObject({ type: 'failed' });
    expect(late).toEqual([]);
    answer(hit('a', new ReadableStream()));
    await vi.advanceTimersByTimeAsync(0);
    expect(late).toMatchObject([{ meta: 'a', body: expect.any(ReadableStream) }]);
  });
});
