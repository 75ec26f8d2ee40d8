// What the control plane makes of the objects' answers: unknown is never shown as zero, silence never as health.
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../core/config/parse-config.ts';
import type { MemberStatus } from '../../durable-objects/interfaces/shard-replica.ts';
import { poolHealth } from '../../worker/control-plane/describe-health.ts';
import { describeShard } from '../../worker/control-plane/describe-shard.ts';

function pool(document: Record<string, unknown>) {
  const parsed = parseConfig({ pools: { web: document }, routes: [] });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  const { web } = parsed.config.pools;
  if (!web) throw new Error('no pool');
  return web;
}

const backends = [
  { id: 'a', url: 'http://a.example' },
  { id: '__proto__', url: 'http://b.example', state: 'draining' },
];
const verdict = { state: 'unhealthy', since: 5, epoch: 3, reason: 'status 500' } as const;

describe('health', () => {
  it('shows the verdict, the administrative state and what the monitor saw side by side', () => {
    const seen = { state: 'healthy', since: 9, epoch: 4, lastProbeAt: 9, lastError: null } as const;
    const shown = poolHealth(pool({ backends, health: { path: '/' } }), { a: verdict }, [
      ['default', { type: 'seen', states: { a: seen } }],
    ]);
    expect(shown.backends.a).toEqual({
      ...verdict,
      administrative: 'active',
      vantages: { default: { state: 'healthy', lastProbeAt: 9, lastError: null, lastProofAt: null } },
      ejectedUntil: null,
    });
    expect(Object.keys(shown.backends)).toEqual(['a', '__proto__']);
  });

  it('says where traffic stood in for the last probes', () => {
    const up = { ...verdict, state: 'healthy', reason: '2 probes in a row succeeded' } as const;
    const shown = (lastProofAt: number, held = up as typeof up | typeof verdict) => {
      const seen = { state: held.state, since: 5, epoch: 3, lastProbeAt: 9, lastError: null, lastProofAt };
      return poolHealth(pool({ backends, health: { path: '/' } }), { a: held }, [
        ['default', { type: 'seen', states: { a: seen } }],
      ]).backends.a;
    };
    expect(shown(10)).toMatchObject({
      reason: '2 probes in a row succeeded; since the last probe proved by traffic',
      vantages: { default: { lastProbeAt: 9, lastProofAt: 10 } },
    });
    expect([shown(8)?.reason, shown(10, verdict)?.reason]).toEqual([up.reason, verdict.reason]);
  });

  it('shows the initial state before the first verdict', () => {
    const unhealthy = pool({ backends, health: { path: '/', initial: 'unhealthy' } });
    const shown = Object.entries(
      poolHealth(unhealthy, {}, [['default', { type: 'seen', states: {} }]]).backends,
    );
    expect(shown.map(([, { state, since, administrative }]) => [state, since, administrative])).toEqual([
      ['unhealthy', null, 'active'],
      ['unhealthy', null, 'draining'],
    ]);
  });

  it('knows nothing of a pool that is not probed, whatever verdicts are left', () => {
    const { a } = poolHealth(pool({ backends }), { a: verdict }, []).backends;
    expect(a).toMatchObject({ state: 'unknown', reason: 'not probed', vantages: {} });
  });

  it('keeps the verdict when the monitor is silent, and says that it is', () => {
    const { a } = poolHealth(pool({ backends, health: { path: '/' } }), { a: verdict }, [
      ['default', { type: 'silent', why: 'no answer' }],
    ]).backends;
    expect(a).toMatchObject({
      state: 'unhealthy',
      vantages: { default: { state: 'unknown', lastProbeAt: null, lastError: 'no answer' } },
    });
  });
});

describe('shards', () => {
  const status = (change: Partial<MemberStatus>): MemberStatus => ({
    member: 0,
    groupId: 'g',
    view: 1,
    role: 'backup',
    state: 'normal',
    op: 10,
    commit: 10,
    applied: 10,
    entries: 4,
    bytes: 400,
    ...change,
  });
  const member = (name: string, answered: MemberStatus | null) => ({
    name,
    region: 'weur',
    status: answered,
  });

  it('tell who is primary and how far the others are behind', () => {
    const shown = describeShard({
      shard: 2,
      groupId: 'g',
      members: [
        member('m0', status({ role: 'primary', op: 12, commit: 11 })),
        member('m1', status({ commit: 11 })),
        member('m2', status({ commit: 7 })),
      ],
    });
    expect(shown).toMatchObject({
      id: 2,
      view: 1,
      primary: 'm0',
      op: 12,
      commit: 11,
      entries: 4,
      bytes: 400,
    });
    expect(shown.members.map(({ role, lagOps }) => [role, lagOps])).toEqual([
      ['primary', 0],
      ['backup', 0],
      ['backup', 4],
    ]);
  });

  it('believe the newest view when two members take themselves for the primary', () => {
    const members = [
      member('m0', status({ role: 'primary', view: 3, op: 99 })),
      member('m1', status({ role: 'primary', view: 4, op: 50 })),
    ];
    expect(describeShard({ shard: 0, groupId: 'g', members })).toMatchObject({
      view: 4,
      primary: 'm1',
      op: 50,
    });
  });

  it('say why they refuse writes, once the members that have not lost their storage are no majority', () => {
    const shown = (...states: (MemberStatus['state'] | null)[]) =>
      describeShard({
        shard: 0,
        groupId: 'g',
        members: states.map((state, i) => member(`m${i}`, state && status({ state }))),
      }).refusesWrites;
    expect(shown('normal', 'normal', 'lost')).toBeNull();
    expect(shown('normal', 'lost', 'lost')).toBe('majority-lost');
    expect(shown('normal', 'normal', 'lost', 'lost', 'lost')).toBe('majority-lost');
    expect(shown('normal', 'normal', 'normal', 'lost', 'lost')).toBeNull();
    expect(shown('lost')).toBe('majority-lost');
    // Who does not answer may have all that it had.
    expect(shown('normal', null, null)).toBeNull();
  });

  it('show null, not zero, for what nobody answered', () => {
    const shown = describeShard({
      shard: 0,
      groupId: 'g',
      members: [member('m0', null), member('m1', null)],
    });
    expect(shown).toMatchObject({
      view: null,
      primary: null,
      op: null,
      commit: null,
      entries: null,
      bytes: null,
    });
    expect(shown.members[0]).toEqual({
      id: 'm0',
      region: 'weur',
      role: 'unknown',
      state: 'unreachable',
      lagOps: null,
    });
  });
});
