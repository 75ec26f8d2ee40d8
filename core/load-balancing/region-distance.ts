// How far apart two places are that configurations and requests name: regions (as Durable Objects know them) by the
// great circle between their middles, continents (two letters) by the nearest of their regions. Other names are
// equal or not.

/** Degrees north and east. Where most of a region's users and data centres are, not its geographical middle. */
const CENTRES: Readonly<Record<string, readonly [north: number, east: number]>> = {
  enam: [39, -80],
  wnam: [40, -120],
  weur: [49, 4],
  eeur: [50, 24],
  apac: [20, 80],
  'apac-ne': [36, 130],
  'apac-se': [3, 105],
  sam: [-20, -50],
  oc: [-33, 148],
  afr: [-5, 25],
  me: [27, 48],
};

const CONTINENTS: Readonly<Record<string, readonly string[]>> = {
  af: ['afr'],
  an: ['sam'],
  as: ['apac', 'apac-ne', 'apac-se', 'me'],
  eu: ['weur', 'eeur'],
  na: ['enam', 'wnam'],
  oc: ['oc'],
  sa: ['sam'],
};

const EARTH_RADIUS_KM = 6_371;

/** km; 0 for the same place, or one within the other; Infinity where one has no known place. Case does not count. */
export function regionDistanceKm(one: string, other: string): number {
  const [from, to] = [one.toLowerCase(), other.toLowerCase()];
  if (from === to) return 0;
  let least = Number.POSITIVE_INFINITY;
  for (const a of regionsOf(from)) {
    for (const b of regionsOf(to)) least = Math.min(least, a === b ? 0 : between(CENTRES[a], CENTRES[b]));
  }
  return least;
}

/**
 * The region of a continent (two letters) that is nearest to a place in it; the continent itself when the place is
 * not known, null when the continent is not.
 */
export function regionAt(continent: string, north: number, east: number): string | null {
  const name = continent.toLowerCase();
  const regions = ownOf(CONTINENTS, name);
  if (!regions) return null;
  if (!Number.isFinite(north) || !Number.isFinite(east)) return name;
  let nearest = name;
  let least = Number.POSITIVE_INFINITY;
  for (const region of regions) {
    const km = between(CENTRES[region], [north, east]);
    if (km < least) [nearest, least] = [region, km];
  }
  return nearest;
}

/** Oceania has the name of its only region. */
function regionsOf(name: string): readonly string[] {
  return ownOf(CENTRES, name) ? [name] : (ownOf(CONTINENTS, name) ?? []);
}

function ownOf<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

type Place = readonly [north: number, east: number];

/** Great circle, km (haversine). */
function between(one: Place | undefined, other: Place | undefined): number {
  if (!one || !other) return Number.POSITIVE_INFINITY;
  const radians = (degrees: number): number => (degrees * Math.PI) / 180;
  const half = (degrees: number): number => Math.sin(radians(degrees) / 2) ** 2;
  const chord =
    half(other[0] - one[0]) +
    Math.cos(radians(one[0])) * Math.cos(radians(other[0])) * half(other[1] - one[1]);
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(chord)));
}
