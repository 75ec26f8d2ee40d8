// A backend dies under load: no user notices, and within a second no edge sends it anything more. What comes to the
// dead one's port is written down by whoever took it over.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLoop } from '../../bench/open-loop.ts';
import { type Doorkeeper, keepDoor } from '../../origin-mock/doorkeeper.ts';
import { startOrigin } from '../../origin-mock/start-origin.ts';
import { adminCalls } from '../support/admin-calls.ts';
import { type Product, startProduct } from '../support/product.ts';
import { waitUntil } from '../support/wait-until.ts';

let product: Product;
let door: Doorkeeper | null = null;
beforeAll(async () => {
  product = await startProduct({
    mocks: 4,
    edges: 2,
    config: (origins) => ({
      pools: {
        web: {
          backends: origins.map(({ name, url }) => ({ id: name, url })),
          // The probes of the interval have no part in it: what is known, users' requests have made known.
          health: { path: '/up', intervalMs: 3_600_000 },
        },
      },
      routes: [{ id: 'all', pool: 'web' }],
      shards: { count: 1, replicas: 1, regions: ['weur'] },
    }),
  });
});
afterAll(async () => {
  await door?.stop();
  await product?.stop();
});

const { ask } = adminCalls(() => product);

interface Explained {
  readonly candidates: readonly { readonly backend: string; readonly reason: string }[];
}

/** Why an edge would pass over the backend; explained by the edge itself. */
const reasonAt = async (edge: number, backend: string): Promise<string | undefined> => {
  const json = { url: 'http://explained.test/' };
  const { body } = await ask<Explained>('/v1/explain', { method: 'POST', json, edge });
  return body.candidates.find((candidate) => candidate.backend === backend)?.reason;
};

describe('kill -9 of one of four backends under 200 requests/s', () => {
  it('shows no user an error, and ends all requests to it within a second, at both edges', async () => {
    const [dying] = product.origins;
    if (!dying) throw new Error('The test needs origins');
    const busy = startLoop({ url: product.urls[0] ?? '', perSecond: 180 });
    const quiet = startLoop({ url: product.urls[1] ?? '', perSecond: 20 });
    await waitUntil(() => dying.ledger.entries({ on: 'GET /' }).length >= 50);
    await waitUntil(
      async () => (await reasonAt(0, 'a')) === 'healthy' && (await reasonAt(1, 'a')) === 'healthy',
    );

    const killedAt = Date.now();
    await dying.stop();
    door = await keepDoor(dying.port);
    await waitUntil(() => Date.now() >= killedAt + 3_000, { what: 'three seconds of load' });
    const results = [await busy.stop(), await quiet.stop()];

    const statuses = results.flatMap(({ requests }) => requests.map(({ status }) => status));
    expect(statuses.length).toBeGreaterThan(600);
    expect(statuses.filter((status) => status !== 200)).toEqual([]);

    const fromUsers = door.visitors.filter(({ head }) => !/^user-agent: roundel-health/im.test(head));
    expect(door.visitors.length - fromUsers.length, 'a confirming probe').toBeGreaterThan(0);
    const afterMs = fromUsers.map(({ at }) => at - killedAt);
    // As much later as this machine was late with sending.
    const lateMs = Math.max(...results.flatMap(({ requests }) => requests.map((request) => request.lateMs)));
    expect(Math.max(0, ...afterMs)).toBeLessThan(1_000 + lateMs);

    expect([await reasonAt(0, 'a'), await reasonAt(1, 'a')]).toEqual(['unhealthy', 'unhealthy']);
    const health = await ask<{ pools: Record<string, { backends: Record<string, { reason: string }> }> }>(
      '/v1/health',
    );
    expect(health.body.pools.web?.backends.a?.reason).toMatch(/^an edge met .*, and a probe confirmed it/);
    console.info(
      `${statuses.length} requests, last request to the dead backend after ${Math.max(0, ...afterMs)} ms`,
    );
  });
});

describe('the same backend, back again', () => {
  it('gets requests as soon as two probes have succeeded, long before its ejection would end', async () => {
    const [dead] = product.origins;
    if (!dead) throw new Error('The test needs origins');
    await door?.stop();
    door = null;
    const back = await startOrigin({ name: 'a', port: dead.port });
    try {
      const load = startLoop({ url: product.url, perSecond: 40 });
      await waitUntil(() => back.ledger.entries({ on: 'GET /' }).length >= 10, { timeoutMs: 9_000 });
      const { requests } = await load.stop();
      expect(requests.filter(({ status }) => status !== 200)).toEqual([]);
      const [first] = back.ledger.entries({ on: 'GET /' });
      const probes = back.ledger.entries({ on: 'GET /up' }).filter(({ at }) => at <= (first?.at ?? 0));
      expect(probes.length).toBeGreaterThanOrEqual(2);
    } finally {
      await back.stop();
    }
  });
});
