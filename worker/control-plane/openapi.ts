// The OpenAPI document, read off the operations and the very schemas that validate their input; what the Directory
// validates is described by the JSON Schema of the configuration's own schema.
import { OpenAPIHono, type RouteConfig, z } from '@hono/zod-openapi';
import { backendSchema, configSchema, poolSchema } from '../../core/config/schema.ts';
import type { BodyDefinition, DocumentName, Operation } from './operation.ts';

const DOCUMENTS: Readonly<Record<DocumentName, z.ZodType>> = {
  Config: configSchema,
  Pool: poolSchema,
  Backend: backendSchema,
};

const problemSchema = z
  .object({
    type: z.string().describe('urn:roundel:problem:CODE'),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    requestId: z.string(),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .openapi('Problem');

/** `prefix`: where the control plane lives, "/_roundel". O(size of the document). */
export function openApiDocument(operations: readonly Operation[], prefix: string): object {
  const builder = new OpenAPIHono();
  const registry = builder.openAPIRegistry;
  registry.registerComponent('securitySchemes', 'bearer', { type: 'http', scheme: 'bearer' });
  for (const [name, schema] of Object.entries(DOCUMENTS)) {
    const { $schema: _dialect, ...described } = z.toJSONSchema(schema, { io: 'input' });
    registry.registerComponent('schemas', name, described as object);
  }
  for (const operation of operations) registry.registerPath(routeConfig(operation));
  return builder.getOpenAPI31Document({
    openapi: '3.1.0',
    info: { title: 'Roundel admin API', version: '1' },
    servers: [{ url: prefix }],
  });
}

function routeConfig(operation: Operation): RouteConfig {
  const { method, path, allowed, summary, query, headers, body, answers } = operation;
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  const params = z.object(Object.fromEntries(names.map((name) => [name, z.string()])));
  return {
    method: method.toLowerCase() as Lowercase<typeof method>,
    path,
    summary,
    description: whoMayCall(allowed),
    security: allowed === 'anyone' ? [] : [{ bearer: [] }],
    request: {
      ...(names.length > 0 && { params }),
      ...(query instanceof z.ZodObject && { query }),
      ...(headers && { headers }),
      ...(body && { body: { required: true, content: bodyContent(body) } }),
    },
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, { description, schema }]) => [
          status,
          { description, ...(schema && { content: { 'application/json': { schema } } }) },
        ]),
      ),
      default: {
        description: 'What went wrong.',
        content: { 'application/problem+json': { schema: problemSchema } },
      },
    },
  };
}

function whoMayCall(allowed: Operation['allowed']): string {
  if (allowed === 'anyone') return 'Needs no token.';
  if (allowed === 'any-token') return 'Needs a token of any role.';
  return `Needs a token of the role ${['admin', ...allowed].join(' or ')}.`;
}

function bodyContent(body: BodyDefinition<unknown>): Record<string, { schema: z.ZodType | object }> {
  switch (body.type) {
    case 'json':
      return { 'application/json': { schema: body.schema } };
    case 'document':
      // A merge patch has the document's form, with every field optional and null where one is to go.
      return body.mergePatch
        ? { 'application/merge-patch+json': { schema: { type: 'object' } } }
        : { 'application/json': { schema: { $ref: `#/components/schemas/${body.describedBy}` } } };
    case 'bytes':
      return { '*/*': { schema: { type: 'string', format: 'binary' } } };
    default:
      body satisfies never;
      throw new Error(`Cannot describe a body: unknown definition ${JSON.stringify(body)}`);
  }
}
