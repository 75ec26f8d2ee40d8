// The one way in which a call changes the configuration: an edit, the versions it accepts as current, and whether it
// is only tried out; then the Directory's answer as HTTP.
import { z } from '@hono/zod-openapi';
import type { ConfigEdit } from '../../core/config/edit.ts';
import type { ChangeAnswer } from '../../durable-objects/interfaces/directory.ts';
import { tagCondition } from './entity-tags.ts';
import { type AnswerDefinition, type Call, json } from './operation.ts';
import { invalid, Problem } from './problem.ts';
import { askDirectory } from './reach.ts';
import { versionSummarySchema, versionTag } from './version-schemas.ts';

const flag = z.enum(['0', '1', 'false', 'true']).transform((text) => text === '1' || text === 'true');

export const changeQuery = z.strictObject({
  dryRun: flag.optional().openapi({ description: '1: validate and preview, change nothing.' }),
});
type ChangeQuery = z.output<typeof changeQuery>;

export const changeHeaders = z.object({
  'If-Match': z.string().optional().describe('Versions accepted as current: `"v12"`, a list, or `*`.'),
});

const previewSchema = z
  .object({
    valid: z.boolean(),
    errors: z.array(z.object({ path: z.string(), message: z.string() })),
    diff: z.array(
      z.object({ path: z.string(), before: z.unknown().optional(), after: z.unknown().optional() }),
    ),
    preview: z.object({
      pools: z.record(
        z.string(),
        z.object({
          keysMovedRatio: z.number(),
          maxShareBefore: z.number().nullable(),
          maxShareAfter: z.number().nullable(),
        }),
      ),
    }),
  })
  .openapi('ConfigPreview');

export const versionAnswers: Readonly<Record<number, AnswerDefinition>> = {
  200: {
    description: 'The version that is current now; with dryRun, what would change.',
    schema: z.union([versionSummarySchema, previewSchema]),
  },
};

/** Start command only: the digest of the configuration file that the body was read from. */
const FILE_DIGEST_FIELD = 'Roundel-Config-File';

export async function changeConfig(call: Call<ChangeQuery, unknown>, edit: ConfigEdit): Promise<Response> {
  const dryRun = call.query.dryRun ?? false;
  const fileDigest = edit.type === 'replace' ? call.request.headers.get(FILE_DIGEST_FIELD) : null;
  const ifMatch = acceptedVersions(call.request.headers);
  if (fileDigest !== null && (dryRun || ifMatch !== null)) {
    const message = 'cannot be combined with dryRun or If-Match';
    throw invalid([{ path: FILE_DIGEST_FIELD, message }]);
  }
  const answer = await askDirectory(call, 'change the configuration', (directory) =>
    fileDigest !== null && edit.type === 'replace'
      ? directory.adoptFile(edit.document, fileDigest)
      : directory.change({ edit, by: call.role ?? 'admin', ifMatch, dryRun }),
  );
  return respond(answer, dryRun);
}

/** Null when any will do. A tag that is no version's, or weak, matches none. */
function acceptedVersions(headers: Headers): number[] | null {
  const condition = tagCondition(headers, 'If-Match');
  if (condition === null || condition === '*') return null;
  return condition.flatMap(({ opaque, weak }) =>
    !weak && /^v[1-9]\d{0,14}$/.test(opaque) ? [Number(opaque.slice(1))] : [],
  );
}

function respond(answer: ChangeAnswer, dryRun: boolean): Response {
  switch (answer.type) {
    case 'changed':
    case 'unchanged': {
      const { version, createdAt, createdBy } = answer.version;
      return json({ version, createdAt, createdBy }, versionTag(version));
    }
    case 'dry-run':
      return json({ valid: true, errors: [], diff: answer.diff, preview: answer.preview });
    case 'invalid':
      if (dryRun) return json({ valid: false, errors: answer.errors, diff: [], preview: { pools: {} } });
      throw invalid(answer.errors);
    case 'version-conflict':
      throw new Problem('version-conflict', `The current version is ${answer.current}`, {
        headers: versionTag(answer.current),
        members: { version: answer.current },
      });
    case 'not-found':
      throw new Problem('not-found', `There is no ${answer.what}`);
    default:
      answer satisfies never;
      throw new Error(`Cannot answer a change: unknown outcome ${JSON.stringify(answer)}`);
  }
}
