// The control plane's door: everything below the prefix, and nothing else, is answered here.

import { prefixOf } from '../control-prefix.ts';
import type { Edge } from '../edge.ts';
import { splitUrl } from '../split-url.ts';
import { createAdminApi } from './admin-api.ts';
import { OPERATIONS } from './operations.ts';

/** Answers hold state and secrets of the user: nothing caches, sniffs or frames them. */
const SECURITY_FIELDS = [
  ['cache-control', 'no-store'],
  ['x-content-type-options', 'nosniff'],
  ['content-security-policy', "default-src 'none'; frame-ancestors 'none'; sandbox"],
  ['referrer-policy', 'no-referrer'],
] as const;

const api = createAdminApi(OPERATIONS);

/** `request.url` lies below the prefix: the caller has looked at the raw target. Never throws. */
export async function handleControl(
  request: Request,
  edge: Edge,
  context: ExecutionContext,
): Promise<Response> {
  const prefix = prefixOf(edge.env);
  const rawPath = splitUrl(request.url).path.slice(prefix.length);
  const bindings = { edge, prefix, rawPath, requestId: edge.newRequestId() };
  const answer = await api.fetch(request, bindings, context);
  edge.telemetry.deliver(context);
  for (const [name, value] of SECURITY_FIELDS) answer.headers.set(name, value);
  return answer;
}
