// What a member's shell does with the effects of its steps: their order, what shares a turn, who is told what, and
// when nothing can be trusted any more. The replica is the real one over a store in memory.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ClientRequest, Message, MessageBody } from '../../core/replication/messages.ts';
import type { Write } from '../../core/replication/store.ts';
import { kvEntryKey } from '../../core/sharding/entry-key.ts';
import { ASK_TIMEOUT_MS, type Ask, RunningReplica } from '../../durable-objects/run-effects.ts';
import { MemoryStore } from '../../simulate/memory-store.ts';

const CLOCK = { s: 1_000_000, nonce: 'b' };
const KEY = kvEntryKey('n', 'k');

const put = (reqId: string, key = KEY): ClientRequest => ({
  type: 'command',
  reqId,
  command: {
    type: 'put',
    key,
    value: { meta: '', body: { type: 'inline', bytes: new Uint8Array(3) } },
    condition: null,
    ttlMs: null,
    tags: [],
  },
});

/** One member of three among peers that are the test itself; `trace` tells what it did, in order. */
function member(memberId = 0) {
  const trace: string[] = [];
  const sent: { message: Message; answer(body: MessageBody | null): void; fail(): void }[] = [];
  const failures: unknown[] = [];
  const store = new MemoryStore({
    groupId: 'g',
    shard: 0,
    memberId,
    memberCount: 3,
    incarnation: 1,
    epoch: 1,
  });
  let inTransaction = false;
  const write = store.write.bind(store);
  store.write = (writes: readonly Write[]) => {
    if (!inTransaction) throw new Error('Written outside of a transaction');
    trace.push(`write ${writes.map(({ type }) => type).join('+')}`);
    write(writes);
  };
  const storage = {
    transactionSync(body: () => void) {
      inTransaction = true;
      body();
      inTransaction = false;
    },
    setAlarm: vi.fn(async () => {}),
    deleteAlarm: vi.fn(async () => {}),
  };
  const replica = new RunningReplica(store, {
    now: () => Date.now(),
    nonce: 'n',
    tell: () => {},
    storage,
    lose: () => failures.push('lost'),
    fail: (error) => failures.push(error),
    deliver(message) {
      // The greeting of its boot is not what these are about.
      if (message.body.type === 'hello') return Promise.resolve(null);
      trace.push(`send ${message.body.type} to ${message.to}`);
      return new Promise((resolve, reject) => {
        sent.push({
          message,
          answer: (body) =>
            resolve(body && { ...message, from: message.to, to: message.from, incarnation: 1, body }),
          fail: () => reject(new Error('Network connection lost.')),
        });
      });
    },
  });
  return { replica, trace, sent, store, storage, failures };
}

const settle = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('the effects of a step', () => {
  it('are written in one transaction before anything is sent', () => {
    const { replica, trace } = member();
    void replica.ask(put('r'));
    expect(trace.slice(0, 3)).toEqual(['write append', 'send prepare to 1', 'send prepare to 2']);
  });

  it('answer once a backup has voted, by the answer to the very call', async () => {
    const { replica, sent } = member();
    const asked = replica.ask(put('r'));
    sent[0]?.answer({ type: 'prepareOk', op: 1, commit: 0 });
    expect(await asked).toMatchObject({
      type: 'answered',
      answer: { type: 'result', result: { type: 'stored', created: true } },
    });
  });

  it('go back on the call where they are its answer, and touch the disk before', () => {
    const primary = member(0);
    void primary.replica.ask(put('r'));
    const prepare = primary.sent[0]?.message;
    if (prepare === undefined) throw new Error('Nothing was sent');
    const backup = member(1);
    expect(backup.replica.receive(prepare)).toMatchObject({ to: 0, body: { type: 'prepareOk', op: 1 } });
    expect(backup.trace).toEqual(['write append']);
    // The same once more has nothing to append: the vote still leaves behind a write.
    expect(backup.replica.receive(prepare)).toMatchObject({ body: { type: 'prepareOk', op: 1 } });
    expect(backup.trace).toEqual(['write append', 'write touch']);
    expect(backup.sent).toEqual([]);
  });

  it('put commands of one call into one entry', async () => {
    const { replica, sent, trace } = member();
    const asked = replica.askAll([put('a'), put('b', kvEntryKey('n', 'other')), put('c')]);
    expect(trace.slice(0, 3)).toEqual(['write append', 'send prepare to 1', 'send prepare to 2']);
    sent[1]?.answer({ type: 'prepareOk', op: 1, commit: 0 });
    expect((await asked).map((ask) => ask.type === 'answered' && ask.answer)).toMatchObject([
      { result: { created: true } },
      { result: { created: true } },
      { result: { created: false } },
    ]);
  });

  it('are all carried out before what a reply leads to', async () => {
    const { replica, sent, trace } = member();
    replica.askThen(put('a'), () => {
      trace.push('a hears');
      void replica.ask(put('next'));
    });
    replica.askThen(put('b'), () => trace.push('b hears'));
    trace.length = 0;
    // One vote for both entries: one step, two replies.
    sent[0]?.answer({ type: 'prepareOk', op: 2, commit: 0 });
    await settle();
    expect(trace.slice(0, 2)).toEqual(['a hears', 'b hears']);
    expect(trace[2]).toContain('write append');
  });

  it('send again what could not be delivered', async () => {
    const { replica, sent, trace } = member();
    const asked = replica.ask(put('r'));
    sent[0]?.fail();
    sent[1]?.fail();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(trace.filter((line) => line.startsWith('send prepare')).length).toBeGreaterThan(2);
    sent.at(-1)?.answer({ type: 'prepareOk', op: 1, commit: 0 });
    expect((await asked).type).toBe('answered');
  });
});

describe('a caller of a member', () => {
  it('can look and lease in one turn, with nothing in between', () => {
    const { replica } = member();
    const order: string[] = [];
    const lookThenLease = (name: string) =>
      replica.askThen({ type: 'read', key: 'h1:x', lease: 'none', level: 'any' }, () => {
        order.push(`${name} looked`);
        replica.askThen({ type: 'lease', key: 'h1:x' }, (ask) => {
          const lease = ask.type === 'answered' && ask.answer.type === 'lease' && ask.answer.lease.type;
          order.push(`${name} ${lease}`);
        });
      });
    lookThenLease('a');
    lookThenLease('b');
    expect(order).toEqual(['a looked', 'a granted', 'b looked', 'b taken']);
  });

  it('hears after a bounded time that its command may or may not take effect', async () => {
    const { replica } = member();
    const heard: Ask[] = [];
    void replica.ask(put('first')).then((ask) => heard.push(ask));
    await vi.advanceTimersByTimeAsync(1_000);
    void replica.ask(put('second')).then((ask) => heard.push(ask));
    await vi.advanceTimersByTimeAsync(ASK_TIMEOUT_MS - 1_001);
    expect(heard).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(heard).toEqual([{ type: 'timed-out' }]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(heard).toEqual([{ type: 'timed-out' }, { type: 'timed-out' }]);
  });

  it('leaves no timer behind once all is answered and told', async () => {
    const { replica, sent } = member();
    const asked = replica.ask(put('r'));
    const vote = async () => {
      for (const { message, answer } of sent.splice(0)) {
        const { body } = message;
        if (body.type === 'confirm') answer({ type: 'confirmOk', id: body.id, clock: CLOCK });
        if (body.type === 'quiesce') answer({ type: 'quiesceOk', commit: body.commit });
        if (body.type === 'prepare') {
          const op = body.prev.op + body.entries.length;
          answer({ type: 'prepareOk', op, commit: Math.min(body.commit, op) });
        }
        await settle();
      }
    };
    await vote();
    await asked;
    for (let i = 0; i < 70; i++) {
      await vi.advanceTimersByTimeAsync(500);
      await vote();
    }
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a member that cannot go on', () => {
  it('gives itself up when a write fails, and sends nothing of that step', () => {
    const { replica, store, trace, failures } = member();
    store.write = () => {
      throw new Error('database or disk is full');
    };
    expect(() => replica.askThen(put('r'), () => {})).toThrow('disk is full');
    expect(failures.map(String)).toEqual(['Error: database or disk is full']);
    expect(trace).toEqual([]);
  });
});
