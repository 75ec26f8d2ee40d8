// Configuration versions as the admin API shows them, and their entity tags.
import { z } from '@hono/zod-openapi';
import { matchesWeakly, tagCondition } from './entity-tags.ts';

export const versionSummarySchema = z
  .object({
    version: z.int(),
    createdAt: z.int().describe('Epoch ms.'),
    createdBy: z.string().describe('Role of the token, or what else made it.'),
  })
  .openapi('ConfigVersionSummary');

export const configVersionSchema = versionSummarySchema
  .extend({ config: z.unknown().openapi({ type: 'object' }) })
  .openapi('ConfigVersion');

export function versionTag(version: number): { etag: string } {
  return { etag: `"v${version}"` };
}

/** 304 when If-None-Match names the version. */
export function notModified(request: Request, version: number): Response | null {
  const condition = tagCondition(request.headers, 'If-None-Match');
  if (!condition || !matchesWeakly(condition, `v${version}`)) return null;
  return new Response(null, { status: 304, headers: versionTag(version) });
}
