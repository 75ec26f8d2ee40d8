// The keys under which responses of a URL may be stored: as it is, and as the route that stores it makes it.
import { cacheKeyOf } from '../../core/cache/cache-key.ts';
import { routeTableOf } from '../../core/config/route-table.ts';
import type { Config } from '../../core/config/schema.ts';
import type { Target } from '../../core/http/target.ts';
import { httpEntryKey } from '../../core/sharding/entry-key.ts';

/** Each once. Whatever an earlier version's route has stored under another key, no present request finds. */
export function keysOfUrl(config: Config, target: Target): readonly string[] {
  const route = routeTableOf(config).match(target.host, target.path, 'GET');
  const keys = new Set([httpEntryKey(target.canonicalUrl)]);
  if (route?.cache.enabled) keys.add(cacheKeyOf(target, route.cache.key));
  return [...keys];
}
