// One request to one backend, by the runtime's fetch where that can say what is to be said, else over a socket.
import { parseOriginUrl } from '../../core/config/origin-url.ts';
import { type Fields, fieldValue } from '../../core/http/fields.ts';
import { editedHeaders, fieldsOf } from './headers.ts';
import { isSentUnchanged } from './origin-target.ts';
import type { RuntimeBackend } from './pool-registry.ts';
import { socketFetch } from './socket-fetch.ts';

export interface OriginResponse {
  readonly status: number;
  readonly reason: string;
  readonly fields: Fields;
  /** The same head as the platform has it; null where it came over a socket. */
  readonly platform: Response | null;
  readonly body: ReadableStream<Uint8Array> | null;
  /** Content-Length of the body; null when not told. */
  readonly bodyBytes: number | null;
  readonly webSocket: WebSocket | null;
}

/** A stream can be sent once. */
export type OriginBody = ReadableStream<Uint8Array> | ArrayBuffer | null;

export interface OriginRequest {
  readonly request: Request;
  /** Of the request, as it came. */
  readonly received: Fields;
  readonly backend: RuntimeBackend;
  /** Path and query for this backend. */
  readonly target: string;
  readonly fields: Fields;
  /** Of `request`, or a copy of it. */
  readonly body: OriginBody;
  readonly signal: AbortSignal;
}

/** Rejects when no response head comes. */
export function sendToOrigin(origin: OriginRequest): Promise<OriginResponse> {
  const isUpgrade = fieldValue(origin.fields, 'upgrade') !== undefined;
  // fetch overwrites Host by the URL's, and re-encodes some characters; WebSockets only it can open.
  const needsSocket =
    (origin.backend.config.hostHeader !== undefined || !isSentUnchanged(origin.target)) && !isUpgrade;
  return needsSocket ? sendBySocket(origin) : sendByFetch(origin);
}

async function sendByFetch(origin: OriginRequest): Promise<OriginResponse> {
  const { request, received, backend, target, fields, body, signal } = origin;
  const url = backend.origin + target;
  const { method } = request;
  const init = {
    headers: editedHeaders(request.headers, received, fields),
    redirect: 'manual',
    // Bytes as they are: neither decoded for us nor encoded again for the client.
    encodeResponseBody: 'manual',
    signal,
  } as const;
  // A GET with a body is refused by the constructor, but not as a copy of the request that came so.
  const response = isBodyOfGet(request, body)
    ? await fetch(new Request(url, request), init)
    : await fetch(url, { ...init, method, body });
  const responseFields = fieldsOf(response.headers);
  return {
    status: response.status,
    reason: response.statusText,
    fields: responseFields,
    platform: response,
    body: response.body,
    bodyBytes: bodyBytesOf(responseFields),
    webSocket: response.status === 101 ? response.webSocket : null,
  };
}

async function sendBySocket({
  request,
  backend,
  target,
  fields,
  body,
  signal,
}: OriginRequest): Promise<OriginResponse> {
  const parsed = parseOriginUrl(backend.origin);
  if (!parsed.ok) throw new Error(`Cannot connect to ${backend.origin}: ${parsed.message}`);
  const { scheme, host, port } = parsed.url;
  const isTls = scheme === 'https';
  const length = request.headers.get('content-length');
  const response = await socketFetch({
    isTls,
    hostname: host,
    port: port ?? (isTls ? 443 : 80),
    host: backend.config.hostHeader ?? backend.origin.slice(backend.origin.indexOf('://') + 3),
    method: request.method,
    target,
    fields: fields.filter(([name]) => name !== 'content-length'),
    body: body instanceof ArrayBuffer ? new Response(body).body : body,
    bodyBytes: length === null ? null : Number(length),
    signal,
  });
  return {
    ...response,
    platform: null,
    bodyBytes: response.body === null ? null : bodyBytesOf(response.fields),
    webSocket: null,
  };
}

/** Such a one goes only with the request that it came with: no other can be made. */
export function isBodyOfGet({ method }: Request, body: OriginBody): boolean {
  return body !== null && (method === 'GET' || method === 'HEAD');
}

/** null for a body of no bytes, which the runtime gives as a stream that can be read once. */
export function bodyOf(request: Request): ReadableStream<Uint8Array> | null {
  const { body } = request;
  return body === null || request.headers.get('content-length') === '0' ? null : body;
}

/** What Content-Length says, where that frames the body (RFC 9112 §6.3). */
function bodyBytesOf(fields: Fields): number | null {
  if (fieldValue(fields, 'transfer-encoding') !== undefined) return null;
  const length = fieldValue(fields, 'content-length');
  return length !== undefined && /^\d{1,15}$/.test(length) ? Number(length) : null;
}
