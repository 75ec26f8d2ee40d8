// Tiers: how much of the traffic each gets, which keys spill over, and where retries go; by priority and by distance.
import { describe, expect, it } from 'vitest';
import { REGIONS } from '../../core/config/regions.ts';
import { explainSelection } from '../../core/load-balancing/explain-selection.ts';
import { regionAt, regionDistanceKm } from '../../core/load-balancing/region-distance.ts';
import { selectBackend } from '../../core/load-balancing/select-backend.ts';
import { tierLoads, tierStates } from '../../core/load-balancing/tiers.ts';
import { seededRandom } from '../../core/random.ts';
import { ALL_TYPES, backend, HASHING, type LayeredBackend, layered } from '../support/layered-pools.ts';

describe('tierLoads', () => {
  // Envoy's own tables (docs, "Priority levels"), in percent.
  it.each([
    [
      [100, 100],
      [100, 0],
    ],
    [
      [72, 100],
      [100, 0],
    ],
    [
      [71, 100],
      [99.4, 0.6],
    ],
    [
      [50, 100],
      [70, 30],
    ],
    [
      [25, 100],
      [35, 65],
    ],
    [
      [0, 100],
      [0, 100],
    ],
    [
      [100, 100, 100],
      [100, 0, 0],
    ],
    [
      [72, 72, 100],
      [100, 0, 0],
    ],
    [
      [71, 71, 100],
      [99.4, 0.6, 0],
    ],
    [
      [50, 50, 100],
      [70, 30, 0],
    ],
    [
      [25, 100, 100],
      [35, 65, 0],
    ],
    [
      [25, 25, 100],
      [35, 35, 30],
    ],
    // Together 98 %: each its part of the whole.
    [
      [25, 25, 20],
      [35.7, 35.7, 28.6],
    ],
    [
      [20, 20],
      [50, 50],
    ],
    [
      [0, 0, 5],
      [0, 0, 100],
    ],
    // Nobody is well: all to the first.
    [
      [0, 0],
      [100, 0],
    ],
  ])('gives tiers of which %j %% are healthy %j %% of the traffic', (healthy, expected) => {
    const loads = tierLoads(
      healthy.map((percent) => percent / 100),
      1.4,
    );
    for (const [i, load] of loads.entries()) expect(100 * load).toBeCloseTo(expected[i] ?? Number.NaN, 1);
    expect(loads.reduce((sum, load) => sum + load, 0)).toBeCloseTo(1, 12);
  });

  it('spills as soon as one is ill where nothing is provisioned over', () => {
    expect(tierLoads([0.9, 1], 1)[0]).toBeCloseTo(0.9, 12);
    expect(tierLoads([0.2, 1], 5)).toEqual([1, 0]);
  });
});

/** Backends of tier 0, of which `ill` are unhealthy, and as many of tier 1. */
function twoTiers(size: number, ill: number): LayeredBackend[] {
  return Array.from({ length: 2 * size }, (_, i) =>
    backend(`b${i}`, { priority: i < size ? 0 : 1, health: i < ill ? 'unhealthy' : 'healthy' }),
  );
}

describe('a pool of two tiers', () => {
  const PICKS = 2_000;

  it.each(ALL_TYPES)('spills gradually as the first falls ill: %s', (type) => {
    for (const [ill, spilled] of [
      [0, 0],
      [1, 0],
      [2, 0.3],
      [3, 0.65],
      [4, 1],
    ] as const) {
      const { pick } = layered({ type, backends: twoTiers(4, ill) });
      let second = 0;
      for (let i = 0; i < PICKS; i++) if (pick(`key ${i}`) >= 4) second++;
      // Five binomial deviations; none where all or nothing spills.
      const tolerance = 5 * Math.sqrt((spilled * (1 - spilled)) / PICKS);
      expect(Math.abs(second / PICKS - spilled)).toBeLessThanOrEqual(tolerance);
    }
  });

  it.each(HASHING)('spills the same keys, and more of them the worse it gets: %s', (type) => {
    const spilledAt = (ill: number) => {
      const { pick } = layered({ type, backends: twoTiers(10, ill), random: seededRandom(ill) });
      return Array.from({ length: 1_000 }, (_, i) => pick(`key ${i}`));
    };
    const [few, more] = [spilledAt(4), spilledAt(7)];
    expect(spilledAt(4)).toEqual(few);
    for (const [i, chosen] of few.entries()) if (chosen >= 10) expect(more[i]).toBe(chosen);
    expect(more.filter((chosen) => chosen >= 10).length).toBeGreaterThan(
      few.filter((chosen) => chosen >= 10).length,
    );
    // Keys that stay in a tier stay where they were.
    const whole = spilledAt(0);
    for (const [i, chosen] of few.entries()) {
      if (chosen < 10 && (whole[i] ?? 0) >= 4) expect(chosen).toBe(whole[i]);
    }
  });

  it.each(ALL_TYPES)('tries the tier’s others first, then the next tier: %s', (type) => {
    const { pick } = layered({ type, backends: twoTiers(3, 0) });
    for (let i = 0; i < 20; i++) {
      const tried: number[] = [];
      for (let attempt = 0; attempt < 6; attempt++) tried.push(pick(`key ${i}`, { tried }));
      expect(tried.slice(0, 3).sort()).toEqual([0, 1, 2]);
      expect(tried.slice(3).sort()).toEqual([3, 4, 5]);
      expect(pick(`key ${i}`, { tried })).toBe(-1);
    }
  });

  it('counts what a tier has lost by weight, and what is drained or disabled not at all', () => {
    const backends = [
      backend('heavy', { weight: 8, health: 'unhealthy' }),
      backend('light', { weight: 2 }),
      backend('drained', { weight: 90, state: 'draining' }),
      backend('off', { weight: 90, state: 'disabled', health: 'unhealthy' }),
      backend('spare', { priority: 1 }),
    ];
    const { question } = layered({ type: 'weighted-random', backends });
    const asked = question('');
    const states = asked.layers ? tierStates(asked, asked.layers) : [];
    expect(states.map(({ healthyRatio }) => healthyRatio)).toEqual([0.2, 1]);
    expect(states[0]?.load).toBeCloseTo(0.28, 12);
  });

  it('goes on past a tier that has nobody', () => {
    const backends = [
      backend('off', { state: 'disabled' }),
      backend('a', { priority: 1, health: 'unhealthy' }),
      backend('b', { priority: 2, health: 'unhealthy' }),
    ];
    const { question, pick } = layered({ type: 'round-robin', backends });
    const asked = question('');
    const states = asked.layers ? tierStates(asked, asked.layers) : [];
    expect(states.map(({ load }) => load)).toEqual([0, 1, 0]);
    expect(pick('')).toBe(1);
  });

  describe('in panic', () => {
    const ids = (backends: readonly LayeredBackend[], isEjected: (id: string) => boolean = () => false) => {
      const { question } = layered({ type: 'round-robin', backends });
      const order: string[] = [];
      const tried: number[] = [];
      for (;;) {
        const asked = question('', {
          tried: [...tried],
          panicThreshold: 0.5,
          isEjected: (index) => isEjected(backends[index]?.id ?? ''),
        });
        const selection = selectBackend(asked);
        if (selection.type !== 'backend') return order;
        tried.push(selection.backend);
        order.push(`${backends[selection.backend]?.id} ${selection.reason}`);
      }
    };
    const ill = { health: 'unhealthy' } as const;

    it('takes the healthy of every tier first, then the ejected, then the unhealthy, tier by tier', () => {
      const backends = [
        backend('a0', ill),
        backend('b0'),
        backend('c1', { priority: 1, ...ill }),
        backend('d1', { priority: 1 }),
        backend('e2', { priority: 2 }),
      ];
      expect(ids(backends, (id) => id === 'b0' || id === 'd1')).toEqual([
        'e2 healthy',
        'b0 last-resort',
        'd1 last-resort',
        'a0 last-resort',
        'c1 last-resort',
      ]);
    });

    it('does not begin while half of the pool is healthy, in whatever tier', () => {
      const backends = [
        backend('a0', ill),
        backend('b0', ill),
        ...['c', 'd'].map((id) => backend(id, { priority: 1 })),
      ];
      expect(ids(backends)).toEqual(['c healthy', 'd healthy']);
    });
  });

  it('is told by explain: each tier’s part, and the request’s own', () => {
    const { question } = layered({ type: 'maglev', backends: twoTiers(4, 2) });
    for (let i = 0; i < 30; i++) {
      const { tiers, candidates, selection } = explainSelection(question(`key ${i}`));
      expect(tiers.map(({ tier, healthyRatio }) => [tier.priority, healthyRatio])).toEqual([
        [0, 0.5],
        [1, 1],
      ]);
      expect(tiers.map(({ load }) => load.toFixed(2))).toEqual(['0.70', '0.30']);
      const home = tiers.find(({ isHome }) => isHome);
      expect(candidates).toHaveLength(8);
      expect(home?.tier.members).toContain(candidates[0]?.backend);
      expect(selection.type === 'backend' && home?.tier.members.includes(selection.backend)).toBe(true);
      expect(selectBackend(question(`key ${i}`))).toEqual(selection);
    }
  });
});

describe('nearness', () => {
  const placed = [
    backend('paris', { region: 'weur' }),
    backend('warsaw', { region: 'eeur' }),
    backend('virginia', { region: 'enam' }),
    backend('nowhere'),
    backend('own', { region: 'rack-7' }),
    backend('spare', { region: 'weur', priority: 1 }),
  ];
  const tiersFrom = (region: string | null) =>
    layered({ type: 'round-robin', backends: placed, region }).tiers.map(({ members }) =>
      members.map((index) => placed[index]?.id).join(' '),
    );

  it.each([
    ['weur', ['paris', 'warsaw', 'virginia', 'nowhere own', 'spare']],
    ['wnam', ['virginia', 'paris', 'warsaw', 'nowhere own', 'spare']],
    ['EU', ['paris warsaw', 'virginia', 'nowhere own', 'spare']],
    ['rack-7', ['own', 'paris warsaw virginia nowhere', 'spare']],
    [null, ['paris warsaw virginia nowhere own', 'spare']],
  ])('makes tiers by priority, then by distance from %s', (region, expected) => {
    expect(tiersFrom(region)).toEqual(expected);
  });

  it('knows every region of the configuration, and continents by their nearest region', () => {
    for (const one of REGIONS) {
      for (const other of REGIONS) {
        const km = regionDistanceKm(one, other);
        expect(km).toBe(regionDistanceKm(other, one));
        if (one === other) expect(km).toBe(0);
        else expect(km > 1_000 && km < 20_038).toBe(true);
      }
    }
    expect(regionDistanceKm('weur', 'EU')).toBe(0);
    expect(regionDistanceKm('weur', 'na')).toBe(regionDistanceKm('weur', 'enam'));
    expect(regionDistanceKm('weur', 'toString')).toBe(Number.POSITIVE_INFINITY);
    expect(regionDistanceKm('rack-7', 'RACK-7')).toBe(0);
  });

  it.each([
    ['San Francisco', 'NA', 37.8, -122.4, 'wnam'],
    ['New York', 'NA', 40.7, -74, 'enam'],
    ['London', 'EU', 51.5, -0.1, 'weur'],
    ['Kyiv', 'EU', 50.4, 30.5, 'eeur'],
    ['Tokyo', 'AS', 35.7, 139.7, 'apac-ne'],
    ['Singapore', 'AS', 1.3, 103.8, 'apac-se'],
    ['Mumbai', 'AS', 19.1, 72.9, 'apac'],
    ['Dubai', 'AS', 25.3, 55.3, 'me'],
    ['Lagos', 'AF', 6.5, 3.4, 'afr'],
    ['São Paulo', 'SA', -23.6, -46.6, 'sam'],
    ['Sydney', 'OC', -33.9, 151.2, 'oc'],
    ['somewhere in Europe', 'EU', Number.NaN, Number.NaN, 'eu'],
    ['the Tor network', 'T1', 0, 0, null],
  ])('places %s', (_city, continent, north, east, region) => {
    expect(regionAt(continent, north, east)).toBe(region);
  });

  it('spills over to the next nearest when the near ones are not well enough', () => {
    const backends = ['a', 'b', 'c', 'd'].flatMap((id, i) => [
      backend(`near-${id}`, { region: 'weur', health: i < 2 ? 'unhealthy' : 'healthy' }),
      backend(`next-${id}`, { region: 'eeur' }),
      backend(`far-${id}`, { region: 'oc' }),
    ]);
    const { pick } = layered({ type: 'random', backends, region: 'weur' });
    const counts: Record<string, number> = {};
    for (let i = 0; i < 4_000; i++) {
      const place = backends[pick('')]?.id.split('-')[0] ?? '';
      counts[place] = (counts[place] ?? 0) + 1;
    }
    // 70 % and 30 %: five deviations of √(0.21/4000) = 0.7 %.
    expect(Math.abs((counts.near ?? 0) / 4_000 - 0.7)).toBeLessThan(0.037);
    expect(counts.far).toBeUndefined();
  });
});
