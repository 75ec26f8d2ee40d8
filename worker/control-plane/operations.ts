// Every call of the control plane, in the order of the documentation.
import { z } from '@hono/zod-openapi';
import { prefixOf } from '../control-prefix.ts';
import { CONFIG_CALLS } from './config-calls.ts';
import { EXPLAIN_CALL } from './explain-call.ts';
import { EXPLANATION_CALLS } from './explanation-calls.ts';
import { HEALTH_CALL } from './health-call.ts';
import { KV_CALLS } from './kv-calls.ts';
import { openApiDocument } from './openapi.ts';
import { json, type Operation, operation } from './operation.ts';
import { POOL_CALLS } from './pool-calls.ts';
import { PROBE_CALL } from './probe-call.ts';
import { PURGE_CALL } from './purge-call.ts';
import { snapshotOf } from './reach.ts';
import { REPAIR_CALLS } from './repair-calls.ts';
import { SHARDS_CALL } from './shards-call.ts';
import { TELEMETRY_CALLS } from './telemetry-calls.ts';

const READY_CALL = operation({
  method: 'GET',
  path: '/ready',
  allowed: 'anyone',
  summary: 'Whether requests can be served.',
  answers: {
    200: { description: 'They can.', schema: z.object({ ready: z.literal(true) }) },
    503: { description: 'Not yet.' },
  },
  async handle(call) {
    await snapshotOf(call);
    return json({ ready: true });
  },
});

/** The document never changes while the isolate lives; most isolates are never asked for it. */
let openApiText: string | null = null;

const OPENAPI_CALL: Operation = operation({
  method: 'GET',
  path: '/openapi.json',
  allowed: 'any-token',
  summary: 'This description.',
  answers: { 200: { description: 'OpenAPI 3.1.', schema: z.unknown() } },
  async handle(call) {
    openApiText ??= JSON.stringify(openApiDocument(OPERATIONS, prefixOf(call.edge.env)));
    return new Response(openApiText, { headers: { 'content-type': 'application/json' } });
  },
});

export const OPERATIONS: readonly Operation[] = [
  READY_CALL,
  OPENAPI_CALL,
  ...CONFIG_CALLS,
  ...POOL_CALLS,
  HEALTH_CALL,
  PROBE_CALL,
  EXPLAIN_CALL,
  ...EXPLANATION_CALLS,
  PURGE_CALL,
  SHARDS_CALL,
  ...REPAIR_CALLS,
  ...KV_CALLS,
  ...TELEMETRY_CALLS,
];
