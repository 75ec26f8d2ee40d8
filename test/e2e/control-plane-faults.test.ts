// The admin API while objects behind it cannot be reached: it says so, claims nothing that is not true, and goes on
// when they are back.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { kvEntryKey } from '../../core/sharding/entry-key.ts';
import { slotOfKey, targetSlotMap } from '../../core/sharding/slot-map.ts';
import type { Stats } from '../../durable-objects/interfaces/telemetry.ts';
import { adminCalls, expectProblem, type Problem } from '../support/admin-calls.ts';
import { type Product, startProduct } from '../support/product.ts';
import { waitUntil } from '../support/wait-until.ts';

let product: Product;
beforeAll(async () => {
  product = await startProduct({
    entry: 'test/support/faulty-worker.ts',
    mocks: 1,
    config: ([origin]) => ({
      pools: {
        web: {
          backends: [{ id: 'a', url: origin?.url ?? '' }],
          health: { path: '/' },
        },
      },
      routes: [{ id: 'all', pool: 'web' }],
    }),
  });
});
afterAll(() => product?.stop());

const { ask, read, currentVersion } = adminCalls(() => product);

interface FaultOptions {
  readonly methods?: readonly string[];
  readonly calls?: number;
  readonly type?: 'unreachable' | 'answer-lost';
}

async function fail(binding: string, name: string, options: FaultOptions = {}): Promise<void> {
  const { type = 'unreachable', ...rest } = options;
  const body = JSON.stringify({ binding, name, fault: { type }, ...rest });
  expect((await fetch(`${product.url}/__test/faults`, { method: 'POST', body })).status).toBe(204);
}

const heal = () => fetch(`${product.url}/__test/faults`, { method: 'DELETE' });
afterEach(heal);

interface Shards {
  readonly shards: readonly {
    readonly id: number;
    readonly primary: string | null;
    readonly entries: number | null;
    readonly members: readonly {
      readonly id: string;
      readonly state: string;
      readonly lagOps: number | null;
    }[];
  }[];
}

async function failBackups(shards: Shards['shards']): Promise<void> {
  for (const { primary, members } of shards) {
    for (const { id } of members)
      if (id !== primary) await fail('SHARD_REPLICA', id, { methods: ['deliver'] });
  }
}

describe('without the Directory', () => {
  it('calls about the configuration answer 503 and when to try again; the rest goes on', async () => {
    const before = await currentVersion();
    await ask('/v1/kv/ns/kept', { method: 'PUT', body: 'x' });
    await fail('DIRECTORY', 'directory');
    for (const [method, path] of [
      ['GET', '/v1/config'],
      ['PUT', '/v1/config'],
      ['GET', '/v1/config/versions'],
      ['GET', '/v1/pools/web'],
      ['POST', '/v1/pools/web/backends/a/drain'],
      ['GET', '/v1/health'],
    ] as const) {
      const answer = await ask<Problem>(path, { method, ...(method === 'PUT' && { json: {} }) });
      expect([answer.status, expectProblem(answer)], path).toEqual([503, 'directory-unavailable']);
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    expect((await fetch(`${product.url}/_roundel/ready`)).status).toBe(200);
    expect((await fetch(`${product.url}/data`)).status).toBe(200);
    expect((await ask<string>('/v1/kv/ns/kept')).body).toBe('x');
    expect((await ask('/v1/explain', { method: 'POST', json: { url: 'http://h.example/' } })).status).toBe(
      200,
    );
    await heal();
    expect(await currentVersion()).toBe(before);
  });

  it('a change whose answer is lost is not called done', async () => {
    const before = await currentVersion();
    await fail('DIRECTORY', 'directory', { type: 'answer-lost', methods: ['change'], calls: 1 });
    const answer = await ask<Problem>('/v1/pools/web/backends/a/disable', { method: 'POST' });
    expect(answer.status).toBe(503);
    expect(await currentVersion()).toBe(before + 1);
    await ask('/v1/pools/web/backends/a/enable', { method: 'POST' });
  });
});

describe('without a monitor', () => {
  it('health shows the verdicts and that the monitor is silent', async () => {
    await fail('HEALTH_MONITOR', 'web/default', { methods: ['status'] });
    const health = await read<{
      pools: Record<
        string,
        { backends: Record<string, { state: string; vantages: Record<string, object> }> }
      >;
    }>('/v1/health');
    expect(health.pools.web?.backends.a).toMatchObject({
      state: 'healthy',
      vantages: {
        default: { state: 'unknown', lastProbeAt: null, lastError: expect.stringContaining('lost') },
      },
    });
  });
});

describe('without Telemetry', () => {
  it('stats and events answer 503, requests go on, and nothing is lost or counted twice', async () => {
    const counted = async () => (await read<Stats>('/v1/stats')).totals.requests;
    const settled = async () => {
      let last = -1;
      return waitUntil(
        async () => {
          const now = await counted();
          const same = now === last;
          last = now;
          return same ? { requests: now } : null;
        },
        { pollMs: 1_500 },
      );
    };
    const before = (await settled()).requests;
    await fail('TELEMETRY', 'telemetry');
    for (const path of ['/v1/stats', '/v1/events']) {
      const answer = await ask<Problem>(path);
      expect([answer.status, expectProblem(answer)]).toEqual([503, 'telemetry-unavailable']);
    }
    await heal();
    // From here on batches are counted, but the recorder is told that they were not.
    await fail('TELEMETRY', 'telemetry', { type: 'answer-lost', methods: ['append'] });
    for (let i = 0; i < 20; i++) expect((await fetch(`${product.url}/data`)).status).toBe(200);
    await waitUntil(async () => (await counted()) >= before + 20);
    await heal();
    expect((await fetch(`${product.url}/data`)).status).toBe(200);
    expect((await settled()).requests).toBe(before + 21);
  });
});

describe('without the backups of a shard', () => {
  it('a write that cannot be acknowledged is said to be open, and has one outcome when sent again', async () => {
    const { shards } = await read<Shards>('/v1/shards');
    await failBackups(shards);
    const put = () =>
      ask<Problem>('/v1/kv/ns/open', { method: 'PUT', body: 'x', headers: { 'Idempotency-Key': 'open-1' } });
    const open = await put();
    expect([open.status, expectProblem(open)]).toEqual([504, 'outcome-unknown']);
    expect(open.headers.get('roundel-bookmark')).toMatch(/^b1/);
    await heal();
    const again = await waitUntil(async () => {
      const answer = await put();
      return answer.status === 504 || answer.status === 503 ? null : answer;
    });
    expect(again.status).toBe(201);
    expect((await put()).headers.get('etag')).toBe(again.headers.get('etag'));
    expect((await ask<string>('/v1/kv/ns/open')).body).toBe('x');
  });

  it('a purge is pending and says what is missing, until it is done', async () => {
    const { shards } = await read<Shards>('/v1/shards');
    const [first] = shards;
    await failBackups(first ? [first] : []);
    interface Purged extends Problem {
      readonly purgeId: string;
      readonly shards: { readonly acked: number; readonly total: number };
      readonly missing: readonly number[];
    }
    const purge = () =>
      ask<Purged>('/v1/purge', { method: 'POST', json: { all: true, purgeId: 'faults-1' } });
    const pending = await purge();
    expect([pending.status, expectProblem(pending)]).toEqual([504, 'purge-pending']);
    expect(pending.body).toMatchObject({ purgeId: 'faults-1', shards: { acked: 3, total: 4 }, missing: [0] });
    await heal();
    const done = await waitUntil(async () => {
      const answer = await purge();
      return answer.status === 200 ? answer : null;
    });
    expect(done.body.shards).toEqual({ acked: 4, total: 4 });
  });

  it('shards show who does not answer, and nothing that nobody told', async () => {
    const { shards } = await read<Shards>('/v1/shards');
    const members = shards[0]?.members ?? [];
    for (const { id } of members) await fail('SHARD_REPLICA', id);
    const shown = (await read<Shards>('/v1/shards')).shards;
    expect(shown[0]).toMatchObject({ primary: null, entries: null });
    expect(shown[0]?.members.map(({ state, lagOps }) => [state, lagOps])).toEqual(
      members.map(() => ['unreachable', null]),
    );
    expect(shown[1]?.primary).not.toBeNull();
  });
});

// From here on one shard is empty.
describe('a shard whose members lose their storage', () => {
  interface Shard {
    readonly id: number;
    readonly groupId: string;
    readonly refusesWrites: string | null;
    readonly members: readonly { readonly state: string }[];
  }
  const shardsNow = async () => (await read<{ readonly shards: readonly Shard[] }>('/v1/shards')).shards;
  const declareLost = (shard: number, member: number, json: unknown) =>
    ask<Problem>(`/v1/shards/${shard}/members/${member}/lost`, { method: 'POST', json });
  const put = (name: string, body: string) => ask<Problem>(`/v1/kv/ns/${name}`, { method: 'PUT', body });
  /** The name of a key in each shard. */
  const names = new Map<number, string>();

  it('keeps all when one of them has, which then is readmitted', async () => {
    const slots = targetSlotMap(4);
    for (let i = 0; names.size < 4; i++) {
      const shard = slots[slotOfKey(kvEntryKey('ns', `lost-${i}`))] ?? 0;
      if (names.has(shard)) continue;
      names.set(shard, `lost-${i}`);
      expect((await put(`lost-${i}`, `value ${i}`)).status).toBe(201);
    }
    const shard = 1;
    expect(await declareLost(shard, 2, {})).toMatchObject({
      status: 200,
      body: { shard, member: 2, emptied: true },
    });
    await waitUntil(async () => {
      const states = (await shardsNow())[shard]?.members.map(({ state }) => state);
      return states?.every((state) => state === 'normal');
    });
    const name = names.get(shard) ?? '';
    expect((await ask<string>(`/v1/kv/ns/${name}`)).body).toBe(`value ${name.slice(5)}`);
    const { events } = await read<{ events: { type: string }[] }>('/v1/events?limit=100');
    for (const type of ['member-declared-lost', 'member-lost', 'member-readmitted']) {
      expect(events.map((event) => event.type)).toContain(type);
    }
  });

  it('refuses writes by name when a majority has, and is empty after its rebirth', async () => {
    const shard = 2;
    const name = names.get(shard) ?? '';
    const { groupId } = (await shardsNow())[shard] ?? { groupId: '' };
    const bookmark = (await ask(`/v1/kv/ns/${name}`)).headers.get('roundel-bookmark') ?? '';
    // The first of them must not be readmitted before the second one has lost its own.
    const { members, primary } = (await read<Shards>('/v1/shards')).shards[shard] ?? { members: [] };
    const others = members.flatMap(({ id }, member) => (id === primary ? [] : [{ id, member }]));
    for (const { id } of others) await fail('SHARD_REPLICA', id, { methods: ['deliver'] });
    for (const { member } of others) {
      expect((await declareLost(shard, member, { force: true })).status).toBe(200);
    }
    await heal();
    await waitUntil(async () => (await shardsNow())[shard]?.refusesWrites === 'majority-lost');
    const refused = await waitUntil(async () => {
      const answer = await put(name, 'not now');
      return answer.body.detail?.includes('majority-lost') ? answer : undefined;
    });
    expect([refused.status, expectProblem(refused)]).toEqual([503, 'shard-unavailable']);
    // The other shards do not care.
    expect((await put(names.get(3) ?? '', 'as ever')).status).toBe(204);

    const reborn = await ask<{ before: string; groupId: string; unreached: string[] }>(
      `/v1/shards/${shard}/rebirth`,
      { method: 'POST', json: { losesData: true } },
    );
    expect(reborn).toMatchObject({ status: 200, body: { shard, before: groupId, unreached: [] } });
    const after = await waitUntil(async () => {
      const answer = await put(`${name}`, 'a new life');
      return answer.status === 201 ? answer : undefined;
    });
    expect(after.headers.get('roundel-bookmark')).not.toBe(bookmark);
    // What the old group had shown says nothing about the new one: it is read from the primary.
    const seen = await ask<string>(`/v1/kv/ns/${name}?consistency=session`, {
      headers: { 'Roundel-Bookmark': bookmark },
    });
    expect([seen.status, seen.body]).toEqual([200, 'a new life']);
    const shown = (await shardsNow())[shard];
    expect(shown).toMatchObject({ groupId: reborn.body.groupId, refusesWrites: null });
    const { events } = await read<{ events: { type: string }[] }>('/v1/events?limit=100');
    for (const type of ['majority-lost', 'shard-reborn']) {
      expect(events.map((event) => event.type)).toContain(type);
    }
  });
});
