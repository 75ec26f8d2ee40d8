// The configuration as a whole: read, replace, patch, try out, history and rollback. The Directory validates and
// decides; here stands what HTTP makes of it.
import { z } from '@hono/zod-openapi';
import { changeConfig, changeHeaders, changeQuery, versionAnswers } from './change-config.ts';
import { json, type Operation, operation } from './operation.ts';
import { Problem } from './problem.ts';
import { askDirectory } from './reach.ts';
import { configVersionSchema, notModified, versionSummarySchema, versionTag } from './version-schemas.ts';

export const CONFIG_CALLS: readonly Operation[] = [
  operation({
    method: 'GET',
    path: '/v1/config',
    allowed: ['read'],
    summary: 'The current configuration, as its author wrote it.',
    answers: { 200: { description: 'The current version.', schema: configVersionSchema } },
    async handle(call) {
      const current = await askDirectory(call, 'read the configuration', (directory) => directory.current());
      return notModified(call.request, current.version) ?? json(current, versionTag(current.version));
    },
  }),

  operation({
    method: 'PUT',
    path: '/v1/config',
    allowed: [],
    summary: 'Replaces the configuration. An unchanged document makes no new version.',
    query: changeQuery,
    headers: changeHeaders,
    body: { type: 'document', describedBy: 'Config', mergePatch: false },
    answers: versionAnswers,
    handle: (call) => changeConfig(call, { type: 'replace', document: call.body }),
  }),

  operation({
    method: 'PATCH',
    path: '/v1/config',
    allowed: [],
    summary: 'Changes the configuration by a merge patch (RFC 7396).',
    query: changeQuery,
    headers: changeHeaders,
    body: { type: 'document', describedBy: 'Config', mergePatch: true },
    answers: versionAnswers,
    handle: (call) => changeConfig(call, { type: 'merge', patch: call.body }),
  }),

  operation({
    method: 'GET',
    path: '/v1/config/versions',
    allowed: ['read'],
    summary: 'The history, newest first.',
    answers: {
      200: {
        description: 'Versions still kept.',
        schema: z.object({ versions: z.array(versionSummarySchema) }),
      },
    },
    async handle(call) {
      const versions = await askDirectory(call, 'read the history', (directory) => directory.versions());
      return json({ versions });
    },
  }),

  operation({
    method: 'GET',
    path: '/v1/config/versions/{version}',
    allowed: ['read'],
    summary: 'One version.',
    answers: { 200: { description: 'That version.', schema: configVersionSchema } },
    async handle(call) {
      const text = call.path.version ?? '';
      const number = /^[1-9]\d{0,14}$/.test(text) ? Number(text) : null;
      const found =
        number === null
          ? null
          : await askDirectory(call, 'read the history', (directory) => directory.version(number));
      if (!found) throw new Problem('not-found', `There is no configuration version ${text}`);
      return notModified(call.request, found.version) ?? json(found, versionTag(found.version));
    },
  }),

  operation({
    method: 'POST',
    path: '/v1/config/rollback',
    allowed: [],
    summary: 'Makes a new version with the content of an old one.',
    query: changeQuery,
    headers: changeHeaders,
    body: { type: 'json', schema: z.strictObject({ version: z.int().min(1) }).openapi('Rollback') },
    answers: versionAnswers,
    handle: (call) => changeConfig(call, { type: 'rollback', version: call.body.version }),
  }),
];
