// Pools built from a configuration, the choice among their backends, and edits of header lines.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../core/config/parse-config.ts';
import type { ConfigDocument } from '../../core/config/schema.ts';
import type { Fields } from '../../core/http/fields.ts';
import { parseTarget, type Target } from '../../core/http/target.ts';
import { seededRandom } from '../../core/random.ts';
import type { HealthVerdicts } from '../../durable-objects/interfaces/directory.ts';
import type { EdgeSnapshot } from '../../worker/config-snapshot.ts';
import { chooseBackend } from '../../worker/data-plane/choose-backend.ts';
import { editedHeaders, fieldsOf, headersOf } from '../../worker/data-plane/headers.ts';
import { createPoolRegistry, splitOrigin } from '../../worker/data-plane/pool-registry.ts';

function snapshotOf(pools: ConfigDocument['pools'], health: HealthVerdicts = {}): EdgeSnapshot {
  const parsed = parseConfig({ pools });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  const shardMap = { epoch: 1, slots: [], groups: [] };
  return { version: 1, healthEpoch: 1, boundSince: 0, config: parsed.config, health, shardMap };
}

const backend = (id: string, more = {}) => ({ id, url: `http://${id}.example`, ...more });

function targetOf(url: string): Target {
  const target = parseTarget(url);
  if (target.type !== 'target') throw new Error(`${url} is no target`);
  return target;
}

describe('createPoolRegistry', () => {
  it('builds a pool once per definition, and anew with a new one', () => {
    const registry = createPoolRegistry({ random: seededRandom(1), now: () => 0, region: null });
    const first = snapshotOf({ web: { backends: [backend('a')] } });
    const pool = registry.get(first, 'web');
    expect(registry.get(first, 'web')).toBe(pool);
    const healthChanged = { ...first, healthEpoch: 2 };
    expect(registry.get(healthChanged, 'web')).toBe(pool);
    expect(registry.get(snapshotOf({ web: { backends: [backend('a')] } }), 'web')).not.toBe(pool);
  });

  it('keeps what is in flight by backend id across versions', () => {
    const registry = createPoolRegistry({ random: seededRandom(1), now: () => 0, region: null });
    const before = registry.get(snapshotOf({ web: { backends: [backend('a'), backend('b')] } }), 'web');
    const load = before?.backends[1]?.state;
    if (!load) throw new Error('There is no backend b');
    load.inFlight = 3;
    // Another place in the list, another address: the same backend.
    const moved = { ...backend('b'), url: 'http://elsewhere.example' };
    const after = registry.get(snapshotOf({ web: { backends: [moved] } }), 'web');
    expect(after?.backends[0]?.state).toBe(load);
    expect(after?.viewAt(0).inFlight(0)).toBe(3);
    const other = registry.get(snapshotOf({ api: { backends: [backend('b')] } }), 'api');
    expect(other?.viewAt(0).inFlight(0)).toBe(0);
  });

  it('keeps open circuits, the budget and who waits across versions', () => {
    const registry = createPoolRegistry({ random: seededRandom(1), now: () => 0, region: null });
    const poolOf = (enabled: boolean, ...ids: string[]) => {
      const circuitBreaker = { enabled, minRequests: 1 };
      const web = { backends: ids.map((id) => backend(id)), circuitBreaker, retryBudget: { min: 1 } };
      const pool = registry.get(snapshotOf({ web }), 'web');
      if (!pool) throw new Error('There is no pool');
      return pool;
    };
    const before = poolOf(true, 'a', 'b');
    const { circuit } = before.backends[0]?.state ?? {};
    circuit?.ended(circuit.sent(0).era, 0, 'failure', 0);
    expect(before.state.retryBudget.take(0)).toBe(true);
    const ticket = before.state.waiting.join(1, 0);
    const after = poolOf(true, 'b', 'a');
    expect(after.backends[1]?.state.circuit?.stateAt(0)).toBe('open');
    expect(after.backends[0]?.state.circuit?.stateAt(0)).toBe('closed');
    expect(after.state.retryBudget.take(0)).toBe(false);
    expect(ticket && after.state.waiting.placeOf(ticket, 0)).toBe(0);
    expect(poolOf(false, 'a').backends[0]?.state.circuit).toBeNull();
    expect(poolOf(true, 'a').backends[0]?.state.circuit?.stateAt(0)).toBe('closed');
  });

  it('knows no pool by the name of something that every object has', () => {
    const registry = createPoolRegistry({ random: seededRandom(1), now: () => 0, region: null });
    expect(registry.get(snapshotOf({}), 'constructor')).toBeNull();
  });

  it('splits a URL into origin and base path', () => {
    expect(splitOrigin('http://a.example:8080/base/path/')).toEqual({
      origin: 'http://a.example:8080',
      basePath: '/base/path',
    });
    expect(splitOrigin('https://[::1]')).toEqual({ origin: 'https://[::1]', basePath: '' });
    expect(splitOrigin('https://a.example/')).toEqual({ origin: 'https://a.example', basePath: '' });
  });
});

describe('chooseBackend', () => {
  const choose = (
    snapshot: EdgeSnapshot,
    { clientIp = '192.0.2.1', url = 'http://e/x', tried = [0] } = {},
  ) => {
    const pool = createPoolRegistry({ random: seededRandom(1), now: () => 0, region: null }).get(
      snapshot,
      'web',
    );
    if (!pool) throw new Error('There is no pool "web"');
    const choice = chooseBackend({ snapshot, target: targetOf(url), received: [], clientIp }, pool, tried, 0);
    return choice.type === 'backend' ? choice.backend.id : choice.detail;
  };
  const verdict = (state: 'healthy' | 'unhealthy') => ({ state, since: 0, epoch: 1, reason: 'probe' });
  const health = { path: '/health' };

  it('leaves out what was tried and what is ill, and takes the ill when nothing else is left', () => {
    const backends = [backend('a'), backend('b'), backend('c')];
    const ill = { web: { b: verdict('unhealthy') } };
    const probed = snapshotOf({ web: { backends, health } }, ill);
    expect(choose(probed)).toBe('c');
    const anxious = snapshotOf({ web: { backends, health, panic: { threshold: 1 } } }, ill);
    expect(choose(anxious, { tried: [0, 2] })).toBe('b');
    // Two of three are healthy: no panic.
    expect(choose(probed, { tried: [0, 2] })).toBe(
      'Cannot pick a backend in pool "web": 0 of 3 may be tried (a was tried, b is unhealthy, c was tried)',
    );
  });

  it('ignores verdicts on a pool that is not probed any more', () => {
    const backends = [backend('a'), backend('b')];
    const ill = { web: { b: verdict('unhealthy') } };
    expect(choose(snapshotOf({ web: { backends } }, ill))).toBe('b');
  });

  it('says how many there are and why none may be tried', () => {
    const backends = [backend('a', { state: 'disabled' }), backend('b', { weight: 0 }), backend('c')];
    expect(choose(snapshotOf({ web: { backends } }), { tried: [2] })).toBe(
      'Cannot pick a backend in pool "web": 0 of 3 may be tried (a is disabled, b has weight 0, c was tried)',
    );
    expect(choose(snapshotOf({ web: {} }), { tried: [] })).toBe(
      'Cannot pick a backend in pool "web": it has none',
    );
  });

  it('leaves out a backend that has as many requests in flight as it may', () => {
    const backends = [backend('a', { maxInFlight: 2 }), backend('b', { maxInFlight: 1 })];
    const snapshot = snapshotOf({ web: { backends, strategy: { type: 'first-available' } } });
    const registry = createPoolRegistry({ random: seededRandom(1), now: () => 0, region: null });
    const pick = () => {
      const pool = registry.get(snapshot, 'web');
      if (!pool) throw new Error('There is no pool "web"');
      const asking = { snapshot, target: targetOf('http://e/x'), received: [], clientIp: '' };
      const choice = chooseBackend(asking, pool, [], 0);
      if (choice.type === 'backend') choice.backend.state.inFlight++;
      return choice.type === 'backend' ? choice.backend.id : choice;
    };
    expect([pick(), pick(), pick()]).toEqual(['a', 'a', 'b']);
    const busy = 'has as many requests in flight as it may';
    expect(pick()).toEqual({
      type: 'no-backend',
      reason: 'all-limited',
      limit: 'at-capacity',
      detail: `Cannot pick a backend in pool "web": 0 of 2 may be tried (a ${busy}, b ${busy})`,
    });
  });

  it('hashes the first of the strategy’s keys that the request has', () => {
    const backends = Array.from({ length: 20 }, (_, i) => backend(`b${i}`));
    const snapshot = snapshotOf({
      web: { backends, strategy: { type: 'consistent-hash', key: ['client-ip', 'path'] } },
    });
    const of = (clientIp: string, url: string) => choose(snapshot, { clientIp, url, tried: [] });
    expect(of('192.0.2.1', 'http://e/x')).toBe(of('192.0.2.1', 'http://e/y'));
    expect(of('', 'http://e/x')).toBe(of('', 'http://other/x?q'));
    const spread = new Set(Array.from({ length: 20 }, (_, i) => of('', `http://e/${i}`)));
    expect(spread.size).toBeGreaterThan(3);
  });
});

describe('editedHeaders', () => {
  const original = () =>
    new Headers([
      ['Accept', 'a'],
      ['Connection', 'x-hop'],
      ['Set-Cookie', 'a=1'],
      ['Set-Cookie', 'b=2'],
      ['Via', '1.1 other'],
      ['X-Hop', '1'],
    ]);

  it('takes off and adds what the lines say, and leaves the rest', () => {
    const headers = original();
    const before = fieldsOf(headers);
    const kept = before.filter(([name]) => name !== 'connection' && name !== 'x-hop');
    const after: Fields = [...kept, ['via', '1.1 roundel'], ['x-hop', 'ours']];
    expect(fieldsOf(editedHeaders(headers, before, after))).toEqual([
      ['accept', 'a'],
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
      ['via', '1.1 other, 1.1 roundel'],
      ['x-hop', 'ours'],
    ]);
    expect(fieldsOf(headers)).toEqual(before);
  });

  it('gives the same as making them from the lines, whatever stays and comes', () => {
    const before = fieldsOf(original()).filter(([name]) => name !== 'set-cookie');
    const added = fc.array(
      fc.tuple(fc.constantFrom('accept', 'via', 'x-new', 'x-hop'), fc.constantFrom('1', '2')),
    );
    fc.assert(
      fc.property(fc.subarray([...before]), added, (kept, lines) => {
        const after = [...kept, ...lines];
        const edited = editedHeaders(headersOf(before), before, after);
        expect(fieldsOf(edited)).toEqual(fieldsOf(headersOf(after)));
      }),
      { seed: 3, numRuns: 500 },
    );
  });
});
