// Where in the world a client is, as far as the platform tells: Cloudflare adds the continent and coordinates of the
// address to each request; plain workerd adds nothing, and an edge there may be told its own region (ROUNDEL_REGION).
import { regionAt } from '../../core/load-balancing/region-distance.ts';

export interface ClientPlace {
  /** For `explain`: a region named outright. */
  readonly region?: string | undefined;
  /** What the platform says is in `cf`. */
  readonly request?: { readonly cf?: unknown };
}

interface PlatformPlace {
  readonly continent?: unknown;
  /** Degrees, as text. */
  readonly latitude?: unknown;
  readonly longitude?: unknown;
}

/** A name of core/config/regions.ts, or a continent; null when nobody says. */
export function clientRegion({ region, request }: ClientPlace): string | null {
  if (region !== undefined) return region;
  const { continent, latitude, longitude } = (request?.cf ?? {}) as PlatformPlace;
  if (typeof continent !== 'string') return null;
  return regionAt(continent, degrees(latitude), degrees(longitude));
}

function degrees(text: unknown): number {
  return typeof text === 'string' && text !== '' ? Number(text) : Number.NaN;
}
