// What the paths of an unscripted origin give: headers, statuses, sizes and streams on demand, by the request alone.
import { type IRequest, IttyRouter } from 'itty-router';
import {
  type Body,
  bodyOf,
  FAULTS,
  type FieldLine,
  jsonReply,
  patternBody,
  type Reply,
  replyOf,
  textReply,
} from './reply.ts';
import type { ScriptedRequest } from './script-book.ts';

export interface ArrivedRequest extends ScriptedRequest {
  /** The first 64 KiB of the body as text, and its full length. */
  readonly body: string;
  readonly bodyBytes: number;
}

type Routed = IRequest & { readonly request: ArrivedRequest; readonly origin: string };

const BODY_BYTES_MAX = 2 ** 33;

const one = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value[0] : value;
const many = (value: string | string[] | undefined): string[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value];

/** A whole number from a path or query, between 0 and `max`. */
function whole(text: string | string[] | undefined, fallback: number, max: number): number {
  const value = Number(one(text) ?? Number.NaN);
  return Number.isInteger(value) && value >= 0 ? Math.min(value, max) : fallback;
}

function* numbered(count: number, text: (n: number) => string): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  for (let n = 1; n <= count; n++) yield encoder.encode(text(n));
}

const router = IttyRouter<Routed, []>();

router
  .all('/echo', ({ request, origin }) =>
    jsonReply(200, { origin, ...request, fields: request.fields.map(([n, v]) => `${n}: ${v}`) }),
  )
  // Whatever it was asked, for anybody who asks that URL: what attacks on caches need.
  .all('/reflect/:seconds/:rest+', ({ request, params }) => {
    const { method, target, body, fields } = request;
    const told = { method, target, body, fields: fields.map(([n, v]) => `${n}: ${v}`) };
    return jsonReply(200, told, [['Cache-Control', `public, max-age=${whole(params.seconds, 0, 2 ** 31)}`]]);
  })
  .all('/status/:code', ({ params }) => {
    const status = Math.max(200, whole(params.code, 200, 999));
    return textReply(status, `status ${status}\n`);
  })
  .all('/bytes/:count', ({ params }) =>
    replyOf(
      200,
      [['Content-Type', 'application/octet-stream']],
      patternBody(whole(params.count, 0, BODY_BYTES_MAX)),
    ),
  )
  .all('/delay/:ms', ({ params }) => ({
    ...textReply(200, `delayed by ${params.ms} ms\n`),
    delayMs: whole(params.ms, 0, 3_600_000),
  }))
  .all('/cache/:seconds', ({ params, origin, request }) =>
    textReply(
      200,
      `cached for ${whole(params.seconds, 0, 2 ** 31)} s: ${request.target} from origin ${origin}\n`,
      [['Cache-Control', `public, max-age=${whole(params.seconds, 0, 2 ** 31)}`]],
    ),
  )
  .all('/etag/:tag', ({ params }) => textReply(200, `tagged ${params.tag}\n`, [['ETag', `"${params.tag}"`]]))
  .all('/stream', ({ query }) => {
    const count = whole(query.chunks, 10, 1_000_000);
    const body: Body = {
      bytes: null,
      chunks: numbered(count, (n) => `chunk ${n} of ${count}\n`),
      intervalMs: whole(query.intervalMs, 100, 60_000),
    };
    return replyOf(200, [['Content-Type', 'text/plain; charset=utf-8']], body);
  })
  .all('/sse', ({ query }) => {
    const body: Body = {
      bytes: null,
      chunks: numbered(whole(query.events, 10, 1_000_000), (n) => `id: ${n}\ndata: event ${n}\n\n`),
      intervalMs: whole(query.intervalMs, 100, 60_000),
    };
    return replyOf(
      200,
      [
        ['Content-Type', 'text/event-stream'],
        ['Cache-Control', 'no-store'],
      ],
      body,
    );
  })
  .all('/respond', ({ query }) => {
    const fields = many(query.header).map((line): FieldLine => {
      const [, name = 'X-Header', value = ''] = /^([^:]+):\s*(.*)$/.exec(line) ?? [];
      return [name, value];
    });
    const fault = FAULTS.find((name) => name === one(query.fault)) ?? null;
    const bytes = one(query.bytes);
    const body =
      bytes === undefined ? bodyOf(one(query.body) ?? '') : patternBody(whole(bytes, 0, BODY_BYTES_MAX));
    const status = Math.max(200, whole(query.status, 200, 999));
    return { ...replyOf(status, fields, body), fault, delayMs: whole(query.delayMs, 0, 3_600_000) };
  })
  .all('*', ({ request, origin }) =>
    textReply(200, `Hello from origin ${origin}: ${request.method} ${request.target}\n`),
  );

/** Every target gets a reply, also one that is no URL. */
export async function routeReply(request: ArrivedRequest, origin: string): Promise<Reply> {
  const path = request.target.startsWith('/') ? request.target : '/';
  const routed = { method: request.method, url: `http://origin${path}`, request, origin };
  const reply: Reply = await router.fetch(routed as unknown as Routed);
  return { ...reply, fields: [...reply.fields, ['X-Origin', origin]] };
}
