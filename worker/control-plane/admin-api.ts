// The operations as a hono application: routes, authentication, validation, 405s and 404s, one place where a failure
// becomes a problem document. Routing looks at the raw path below the prefix; hono's own folding is switched off.
import { Hono } from 'hono';
import type { Edge } from '../edge.ts';
import { type Role, roleFor, rolesOf } from './auth.ts';
import type { BodyDefinition, Operation } from './operation.ts';
import { pathValues } from './path-values.ts';
import { Problem, problemResponse } from './problem.ts';
import { readJson } from './read-json.ts';
import { queryValues, validated } from './validate.ts';

export interface ControlBindings {
  readonly edge: Edge;
  readonly prefix: string;
  readonly rawPath: string;
  readonly requestId: string;
}

export interface AdminApi {
  fetch(request: Request, bindings: ControlBindings, context: ExecutionContext): Response | Promise<Response>;
}

/** Calls of key-value data, the ones that are many, find their operation without the router. */
export function createAdminApi(operations: readonly Operation[]): AdminApi {
  const api = createRouter(operations);
  const direct = operations.filter(({ path }) => path === KV_PATH);
  return {
    fetch(request, bindings, context) {
      const operation = isKvPath(bindings.rawPath)
        ? direct.find(({ method }) => method === request.method)
        : undefined;
      if (operation === undefined) return api.fetch(request, bindings, context);
      const { requestId } = bindings;
      return perform(operation, request, bindings, context).catch((error) => failure(error, requestId));
    },
  };
}

const KV_PATH = '/v1/kv/{namespace}/{key}';
const KV_PREFIX = '/v1/kv/';

/** Two whole segments behind the prefix, and no more. */
function isKvPath(rawPath: string): boolean {
  if (!rawPath.startsWith(KV_PREFIX)) return false;
  const slash = rawPath.indexOf('/', KV_PREFIX.length);
  return slash > KV_PREFIX.length && slash < rawPath.length - 1 && rawPath.indexOf('/', slash + 1) < 0;
}

function createRouter(operations: readonly Operation[]): Hono<{ Bindings: ControlBindings }> {
  const api = new Hono<{ Bindings: ControlBindings }>({
    getPath: (_request, options) => options?.env?.rawPath ?? '',
  });

  for (const operation of operations) {
    api.on(operation.method, honoPath(operation.path), (context) =>
      perform(operation, context.req.raw, context.env, context.executionCtx as ExecutionContext),
    );
  }
  for (const [path, methods] of methodsByPath(operations)) {
    api.all(honoPath(path), async (context) => {
      await rolesOf(context.req.raw, context.env.edge.env);
      const allow = methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ');
      throw new Problem('method-not-allowed', `Cannot ${context.req.method} this resource: it has ${allow}`, {
        headers: { allow },
      });
    });
  }
  api.notFound(async (context) => {
    try {
      await rolesOf(context.req.raw, context.env.edge.env);
      throw new Problem('not-found', `Nothing is at ${context.env.prefix}${context.env.rawPath}`);
    } catch (error) {
      return failure(error, context.env.requestId);
    }
  });
  api.onError((error, context) => failure(error, context.env.requestId));
  return api;
}

async function perform(
  operation: Operation,
  request: Request,
  { edge, rawPath, requestId }: ControlBindings,
  context: ExecutionContext,
): Promise<Response> {
  let role: Role | null = null;
  if (operation.allowed !== 'anyone') {
    const roles = await rolesOf(request, edge.env);
    role = roleFor(roles, operation.allowed, `${operation.method} ${operation.path}`);
  }
  const path = pathValues(operation.path, rawPath);
  const query = operation.query ? validated(operation.query, queryValues(request.url)) : {};
  const body = await bodyOf(operation.body, request);
  return operation.handle({
    request,
    edge,
    context,
    requestId,
    role,
    path,
    query,
    body,
  });
}

async function bodyOf(definition: BodyDefinition<unknown> | undefined, request: Request): Promise<unknown> {
  switch (definition?.type) {
    case undefined:
    case 'bytes':
      return undefined;
    case 'json':
      return validated(definition.schema, await readJson(request));
    case 'document': {
      // Any type will do that parses, but a JSON Patch (RFC 6902) would be taken for a document of its own.
      const type = request.headers.get('content-type') ?? '';
      if (/^application\/json-patch\+json\b/i.test(type)) {
        throw new Problem(
          'unsupported-media-type',
          'Cannot take a JSON Patch: send application/merge-patch+json',
          {
            headers: definition.mergePatch ? { 'accept-patch': 'application/merge-patch+json' } : {},
          },
        );
      }
      return readJson(request);
    }
    default:
      definition satisfies never;
      throw new Error(`Cannot read a body: unknown definition ${JSON.stringify(definition)}`);
  }
}

function failure(error: unknown, requestId: string): Response {
  if (error instanceof Problem) return problemResponse(error, requestId);
  console.error(`Request ${requestId} to the control plane failed:`, error);
  return problemResponse(new Problem('internal', 'The edge failed; its log names this request'), requestId);
}

/** "/v1/pools/{pool}" as "/v1/pools/:pool". */
function honoPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1');
}

function methodsByPath(operations: readonly Operation[]): Map<string, string[]> {
  const methods = new Map<string, string[]>();
  for (const { path, method } of operations) methods.set(path, [...(methods.get(path) ?? []), method]);
  return methods;
}
