// The same configuration piece by piece: pools, their backends, and the state of a backend. Every change is one edit
// that the Directory applies to the version that is current then, so calls side by side do not undo each other.
import { z } from '@hono/zod-openapi';
import type { BackendState, ConfigDocument } from '../../core/config/schema.ts';
import type { ConfigVersion } from '../../durable-objects/interfaces/directory.ts';
import { changeConfig, changeHeaders, changeQuery, versionAnswers } from './change-config.ts';
import { type Call, json, type Operation, operation } from './operation.ts';
import { Problem } from './problem.ts';
import { askDirectory } from './reach.ts';
import { notModified, versionTag } from './version-schemas.ts';

const POOL = '/v1/pools/{pool}';
const BACKEND = '/v1/pools/{pool}/backends/{backend}';

type PoolDocument = NonNullable<ConfigDocument['pools']>[string];

function readCurrent(call: Call<unknown, unknown>): Promise<ConfigVersion> {
  return askDirectory(call, 'read the configuration', (directory) => directory.current());
}

function poolIn(current: ConfigVersion, name: string): PoolDocument {
  const pools = current.config.pools ?? {};
  const pool = Object.hasOwn(pools, name) ? pools[name] : undefined;
  if (!pool) throw new Problem('not-found', `There is no pool "${name}"`);
  return pool;
}

const poolOf = (call: Call<unknown, unknown>): string => call.path.pool ?? '';
const backendOf = (call: Call<unknown, unknown>) => ({
  pool: poolOf(call),
  backend: call.path.backend ?? '',
});

const SETTING: Readonly<Record<string, BackendState>> = {
  drain: 'draining',
  enable: 'active',
  disable: 'disabled',
};

export const POOL_CALLS: readonly Operation[] = [
  operation({
    method: 'GET',
    path: '/v1/pools',
    allowed: ['read'],
    summary: 'All pools, as their author wrote them.',
    answers: {
      200: {
        description: 'Pools by name.',
        schema: z.object({ version: z.int(), pools: z.record(z.string(), z.unknown()) }),
      },
    },
    async handle(call) {
      const { version, config } = await readCurrent(call);
      return (
        notModified(call.request, version) ??
        json({ version, pools: config.pools ?? {} }, versionTag(version))
      );
    },
  }),

  operation({
    method: 'GET',
    path: POOL,
    allowed: ['read'],
    summary: 'One pool, as its author wrote it.',
    answers: { 200: { description: 'The pool.', schema: z.unknown() } },
    async handle(call) {
      const current = await readCurrent(call);
      const pool = poolIn(current, poolOf(call));
      return notModified(call.request, current.version) ?? json(pool, versionTag(current.version));
    },
  }),
  operation({
    method: 'PUT',
    path: POOL,
    allowed: [],
    summary: 'Creates or replaces a pool.',
    query: changeQuery,
    headers: changeHeaders,
    body: { type: 'document', describedBy: 'Pool', mergePatch: false },
    answers: versionAnswers,
    handle: (call) => changeConfig(call, { type: 'putPool', pool: poolOf(call), value: call.body }),
  }),
  operation({
    method: 'PATCH',
    path: POOL,
    allowed: [],
    summary: 'Changes a pool by a merge patch (RFC 7396).',
    query: changeQuery,
    headers: changeHeaders,
    body: { type: 'document', describedBy: 'Pool', mergePatch: true },
    answers: versionAnswers,
    handle: (call) => changeConfig(call, { type: 'mergePool', pool: poolOf(call), patch: call.body }),
  }),
  operation({
    method: 'DELETE',
    path: POOL,
    allowed: [],
    summary: 'Removes a pool that no route and no other pool names.',
    query: changeQuery,
    headers: changeHeaders,
    answers: versionAnswers,
    handle: (call) => changeConfig(call, { type: 'deletePool', pool: poolOf(call) }),
  }),

  operation({
    method: 'GET',
    path: BACKEND,
    allowed: ['read'],
    summary: 'One backend, as its author wrote it.',
    answers: { 200: { description: 'The backend.', schema: z.unknown() } },
    async handle(call) {
      const current = await readCurrent(call);
      const { pool, backend: id } = backendOf(call);
      const backend = poolIn(current, pool).backends?.find((candidate) => candidate.id === id);
      if (!backend) throw new Problem('not-found', `There is no backend "${id}" in pool "${pool}"`);
      return notModified(call.request, current.version) ?? json(backend, versionTag(current.version));
    },
  }),
  operation({
    method: 'PUT',
    path: BACKEND,
    allowed: [],
    summary: 'Creates or replaces a backend; "id" may be left out.',
    query: changeQuery,
    headers: changeHeaders,
    body: { type: 'document', describedBy: 'Backend', mergePatch: false },
    answers: versionAnswers,
    handle: (call) => changeConfig(call, { type: 'putBackend', ...backendOf(call), value: call.body }),
  }),
  operation({
    method: 'PATCH',
    path: BACKEND,
    allowed: [],
    summary: 'Changes a backend by a merge patch (RFC 7396).',
    query: changeQuery,
    headers: changeHeaders,
    body: { type: 'document', describedBy: 'Backend', mergePatch: true },
    answers: versionAnswers,
    handle: (call) => changeConfig(call, { type: 'mergeBackend', ...backendOf(call), patch: call.body }),
  }),
  operation({
    method: 'DELETE',
    path: BACKEND,
    allowed: [],
    summary: 'Removes a backend.',
    query: changeQuery,
    headers: changeHeaders,
    answers: versionAnswers,
    handle: (call) => changeConfig(call, { type: 'deleteBackend', ...backendOf(call) }),
  }),

  ...Object.entries(SETTING).map(([verb, state]) =>
    operation({
      method: 'POST',
      path: `${BACKEND}/${verb}`,
      allowed: [],
      summary: `Sets the backend's state to "${state}".`,
      query: changeQuery,
      headers: changeHeaders,
      answers: versionAnswers,
      handle: (call) => changeConfig(call, { type: 'setBackendState', ...backendOf(call), state }),
    }),
  ),
];
