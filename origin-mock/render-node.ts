// Carries out a reply on a Node socket, faults included: the only place that knows how to break HTTP on purpose.
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { fieldValue, type Reply } from './reply.ts';

export type Outcome = 'answered' | 'fault' | 'client-left';

const GARBAGE = '\u0000\u0016\u0003 this is not HTTP\r\n\r\n';

/** Resolves when the reply is out, or the connection is gone. Never rejects. */
export async function renderOnNode(reply: Reply, method: string, response: ServerResponse): Promise<Outcome> {
  const socket = response.socket;
  if (!socket) return 'client-left';
  // The response's own event, not the socket's: a connection lives for many responses.
  const closed = new Promise<'closed'>((resolve) => {
    if (socket.destroyed) resolve('closed');
    response.once('close', () => resolve('closed'));
  });
  if (reply.delayMs > 0 && (await pause(reply.delayMs, closed)) === 'closed') return 'client-left';

  if (breakBeforeHeaders(reply, socket)) return 'fault';
  if (reply.fault === 'hang') {
    await closed;
    return 'fault';
  }
  writeHead(reply, response);
  const bodiless = method === 'HEAD' || reply.status === 204 || reply.status === 304;
  if (!bodiless && (await writeBody(reply, response, closed)) === 'closed') return 'client-left';
  if (reply.fault) {
    await breakMidBody(reply, socket, response, closed);
    return 'fault';
  }
  await new Promise<void>((resolve) => {
    response.end(resolve);
    closed.then(() => resolve());
  });
  return response.writableFinished ? 'answered' : 'client-left';
}

function breakBeforeHeaders(reply: Reply, socket: Socket): boolean {
  switch (reply.fault) {
    case 'reset':
      socket.resetAndDestroy();
      return true;
    case 'close':
      socket.end();
      return true;
    case 'garbage':
      socket.end(GARBAGE, 'latin1');
      return true;
    default:
      return false;
  }
}

function writeHead(reply: Reply, response: ServerResponse): void {
  const fields = [...reply.fields];
  const framed =
    fieldValue(fields, 'content-length') !== null || fieldValue(fields, 'transfer-encoding') !== null;
  if (!framed && reply.framing === 'length' && reply.body.bytes !== null && reply.status !== 304) {
    if (reply.status !== 204) fields.push(['Content-Length', String(reply.body.bytes)]);
  }
  // Without a length and without chunks Node ends the body by closing the connection.
  if (reply.framing === 'close') response.useChunkedEncodingByDefault = false;
  response.writeHead(reply.status, fields.flat());
  response.flushHeaders();
}

/** Stops at `faultAfterBytes` where the reply has a mid-body fault. */
async function writeBody(
  reply: Reply,
  response: ServerResponse,
  closed: Promise<'closed'>,
): Promise<'written' | 'closed'> {
  const { chunks, bytes, intervalMs } = reply.body;
  let left = reply.fault ? (reply.faultAfterBytes ?? Math.floor((bytes ?? 0) / 2)) : Number.POSITIVE_INFINITY;
  let first = true;
  for (const chunk of chunks) {
    if (left <= 0) break;
    if (!first && intervalMs > 0 && (await pause(intervalMs, closed)) === 'closed') return 'closed';
    first = false;
    const part = chunk.length > left ? chunk.subarray(0, left) : chunk;
    left -= part.length;
    if (!response.write(part)) {
      const drained = new Promise<'drained'>((resolve) => response.once('drain', () => resolve('drained')));
      if ((await Promise.race([drained, closed])) === 'closed') return 'closed';
    }
  }
  return response.socket?.destroyed === false ? 'written' : 'closed';
}

async function breakMidBody(
  reply: Reply,
  socket: Socket,
  response: ServerResponse,
  closed: Promise<'closed'>,
): Promise<void> {
  // An empty write comes back once what was written before has left for the kernel.
  await new Promise<void>((resolve) => {
    response.write('', () => resolve());
    closed.then(() => resolve());
  });
  if (reply.fault === 'reset-mid-body') socket.resetAndDestroy();
  if (reply.fault === 'short-body') socket.end();
  if (reply.fault === 'stall-mid-body') await closed;
}

async function pause(ms: number, closed: Promise<'closed'>): Promise<'elapsed' | 'closed'> {
  let timer: NodeJS.Timeout | undefined;
  const elapsed = new Promise<'elapsed'>((resolve) => {
    timer = setTimeout(() => resolve('elapsed'), ms);
  });
  const first = await Promise.race([elapsed, closed]);
  clearTimeout(timer);
  return first;
}
