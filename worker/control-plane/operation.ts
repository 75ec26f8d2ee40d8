// One call of the control plane as data: what routes it, who may make it, what it takes and answers. The router,
// the 405s and the OpenAPI document are all read off these.
import type { z } from '@hono/zod-openapi';
import type { Edge } from '../edge.ts';
import type { Role } from './auth.ts';

export type Method = 'GET' | 'PUT' | 'PATCH' | 'POST' | 'DELETE';

export interface Call<Query, Body> {
  readonly request: Request;
  readonly edge: Edge;
  readonly context: ExecutionContext;
  readonly requestId: string;
  /** Whose token it is; null for public calls. */
  readonly role: Role | null;
  /** Decoded segments of the path by their name in the template. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Body;
}

export type BodyDefinition<Body> =
  /** JSON (at most 1 MiB) that `schema` validates before the call. */
  | { readonly type: 'json'; readonly schema: z.ZodType<Body> }
  /** JSON (at most 1 MiB) that the Directory validates, as part of the whole configuration. */
  | { readonly type: 'document'; readonly describedBy: DocumentName; readonly mergePatch: boolean }
  /** Read by the call itself. */
  | { readonly type: 'bytes' };

/** What the document is called in the OpenAPI document. */
export type DocumentName = 'Config' | 'Pool' | 'Backend';

export interface AnswerDefinition {
  readonly description: string;
  readonly schema?: z.ZodType;
}

export interface OperationDefinition<Query, Body> {
  readonly method: Method;
  /** Below the prefix, with `{name}` for a segment: "/v1/pools/{pool}". */
  readonly path: string;
  /** Who besides `admin`; "anyone" needs no token, "any-token" any role. */
  readonly allowed: readonly Role[] | 'anyone' | 'any-token';
  readonly summary: string;
  /** Of the query's single values; anything else in it is refused. */
  readonly query?: z.ZodType<Query>;
  /** Described only: the call reads them itself. */
  readonly headers?: z.ZodObject;
  readonly body?: BodyDefinition<Body>;
  readonly answers: Readonly<Record<number, AnswerDefinition>>;
  handle(call: Call<Query, Body>): Promise<Response>;
}

export type Operation = OperationDefinition<unknown, unknown>;

/** Checks a definition against its own types and forgets them: the router validates before it calls. */
export function operation<Query = unknown, Body = unknown>(
  definition: OperationDefinition<Query, Body>,
): Operation {
  return definition as unknown as Operation;
}

export function json(value: unknown, headers: Readonly<Record<string, string>> = {}, status = 200): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: { 'content-type': 'application/json', ...headers },
  });
}
