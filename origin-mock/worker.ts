// The scripted origin as a Worker, for miniflare and wrangler dev: same scripts, paths, ledger and control endpoint.
// Exceptions, since a Worker has no sockets: `reset`, `close` and `garbage` answer 501; ledger lines are lower-case
// and sorted; a body cut short looks like one that was reset; statuses are 200–599. State lives in the isolate.
import { BODY_KEPT_BYTES, createOrigin, isControl, type Origin } from './origin.ts';
import { type FieldLine, type Reply, textReply } from './reply.ts';

interface Env {
  ORIGIN_NAME?: string;
  ORIGIN_SEED?: string;
}

let origin: Origin | undefined;

export default {
  async fetch(request, env) {
    origin ??= createOrigin({ name: env.ORIGIN_NAME ?? 'a', seed: Number(env.ORIGIN_SEED ?? 1) });
    const target = request.url.slice(request.url.indexOf('/', 'https://'.length));
    const received = { method: request.method, target, fields: [...request.headers] as FieldLine[] };
    if (isControl(target)) {
      return render(await origin.control({ ...received, body: await request.text(), bodyBytes: 0 }), 'GET');
    }
    const update = origin.ledger.record({ at: Date.now(), ...received, connection: 0 });
    const bytes = new Uint8Array(await request.arrayBuffer());
    const arrived = {
      ...received,
      body: new TextDecoder().decode(bytes.subarray(0, BODY_KEPT_BYTES)),
      bodyBytes: bytes.length,
    };
    update({ body: arrived.body, bodyBytes: bytes.length, bodySha256: await sha256(bytes) });
    const reply = await origin.reply(arrived);
    const isUpgrade = request.headers.get('upgrade')?.toLowerCase() === 'websocket';
    if (isUpgrade && !reply.fault && reply.status < 400) {
      update({ outcome: 'answered', status: 101 });
      return echoSocket();
    }
    const response = await render(reply, request.method);
    update({ outcome: reply.fault ? 'fault' : 'answered', status: response.status });
    return response;
  },
} satisfies ExportedHandler<Env>;

async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function echoSocket(): Response {
  const { 0: client, 1: server } = new WebSocketPair();
  server.binaryType = 'arraybuffer';
  server.accept();
  server.addEventListener('message', ({ data }) => server.send(data));
  server.addEventListener('close', ({ code, reason }) => server.close(code === 1005 ? 1000 : code, reason));
  return new Response(null, { status: 101, webSocket: client });
}

const HANG_MS = 3_600_000;

async function render(reply: Reply, method: string): Promise<Response> {
  if (reply.delayMs > 0) await scheduler.wait(reply.delayMs);
  if (reply.fault === 'hang') await scheduler.wait(HANG_MS);
  const isImpossible =
    ['reset', 'close', 'garbage'].includes(reply.fault ?? '') || reply.status < 200 || reply.status > 599;
  if (isImpossible) {
    const what = reply.fault ?? `status ${reply.status}`;
    return render(textReply(501, `origin-mock cannot do this as a Worker: ${what}\n`), method);
  }
  const headers = new Headers();
  for (const [name, value] of reply.fields) headers.append(name, value);
  const { status } = reply;
  const isBodiless = method === 'HEAD' || [204, 205, 304].includes(status);
  return new Response(isBodiless ? null : bodyStream(reply), { status, headers });
}

function bodyStream(reply: Reply): ReadableStream<Uint8Array> {
  const { bytes } = reply.body;
  const { readable, writable } =
    bytes !== null && reply.framing === 'length'
      ? new FixedLengthStream(bytes)
      : new IdentityTransformStream();
  // A client that leaves makes the writes fail: nobody is waiting for the rest then.
  writeBody(reply, writable.getWriter()).catch(() => {});
  return readable;
}

async function writeBody(reply: Reply, writer: WritableStreamDefaultWriter<Uint8Array>): Promise<void> {
  const { chunks, bytes, intervalMs } = reply.body;
  let left = reply.fault ? (reply.faultAfterBytes ?? Math.floor((bytes ?? 0) / 2)) : Number.POSITIVE_INFINITY;
  let isFirst = true;
  for (const chunk of chunks) {
    if (left <= 0) break;
    if (!isFirst && intervalMs > 0) await scheduler.wait(intervalMs);
    isFirst = false;
    const part = chunk.length > left ? chunk.subarray(0, left) : chunk;
    left -= part.length;
    await writer.write(part);
  }
  if (reply.fault === 'stall-mid-body') await scheduler.wait(HANG_MS);
  if (reply.fault) await writer.abort(new Error(`scripted ${reply.fault}`));
  else await writer.close();
}
