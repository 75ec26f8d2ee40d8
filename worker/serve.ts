// Which of the two planes a request is for. Judged on the raw target, so that no spelling that a parser folds later
// ("/%5froundel", "/x/../_roundel") can reach the control plane or hide from the user's routes.
import { handleControl } from './control-plane/handle-control.ts';
import { handleRequest } from './data-plane/handle-request.ts';
import type { Edge } from './edge.ts';
import type { Env } from './env.ts';
import { splitUrl } from './split-url.ts';

const DEFAULT_PREFIX = '/_roundel';

export function serve(request: Request, edge: Edge, context: ExecutionContext): Promise<Response> {
  return isControlPlane(request.url, edge.env)
    ? handleControl(request, edge, context)
    : handleRequest(request, edge, context);
}

/** `url` as the runtime gives it: scheme, Host field and target, unparsed. O(length of the prefix). */
export function isControlPlane(url: string, env: Pick<Env, 'ROUNDEL_PREFIX' | 'ROUNDEL_ADMIN_HOST'>): boolean {
  const prefix = env.ROUNDEL_PREFIX || DEFAULT_PREFIX;
  const { host, path } = splitUrl(url);
  if (!path.startsWith(prefix)) return false;
  if (path.length > prefix.length && path.charCodeAt(prefix.length) !== SLASH) return false;
  const adminHost = env.ROUNDEL_ADMIN_HOST;
  return !adminHost || hostName(host) === hostName(adminHost);
}

const SLASH = 47;

/** Lower case, without port and trailing dot. */
function hostName(host: string): string {
  return host
    .toLowerCase()
    .replace(/:\d*$/, '')
    .replace(/\.$/, '');
}
