// Where the control plane lives, and which requests are for it. Judged on the raw target, so that no spelling that a parser folds later
// ("/%5froundel", "/x/../_roundel") can reach it or hide from the user's routes.
import { splitUrl } from './split-url.ts';

const DEFAULT_PREFIX = '/_roundel';

export interface ControlPrefix {
  /** Default "/_roundel". */
  readonly ROUNDEL_PREFIX?: string;
  /** When set, on other host names the prefix belongs to the user's routes. */
  readonly ROUNDEL_ADMIN_HOST?: string;
}

export function prefixOf(env: Pick<ControlPrefix, 'ROUNDEL_PREFIX'>): string {
  return env.ROUNDEL_PREFIX || DEFAULT_PREFIX;
}

/** `url` as the runtime gives it: scheme, Host field and target, unparsed. O(length of the prefix). */
export function isControlPlane(url: string, env: ControlPrefix): boolean {
  const prefix = prefixOf(env);
  const { host, path } = splitUrl(url);
  if (!path.startsWith(prefix)) return false;
  if (path.charCodeAt(prefix.length) !== SLASH) return false;
  const adminHost = env.ROUNDEL_ADMIN_HOST;
  return !adminHost || hostName(host) === hostName(adminHost);
}

const SLASH = 47;

/** Lower case, without port and trailing dot. */
function hostName(host: string): string {
  return host.toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '');
}
