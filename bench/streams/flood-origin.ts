// An origin that gives and takes bodies of any length as fast as the other side does. A process of its own; tells its
// port over IPC.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { chunks } from './chunks.ts';

/**
 * `GET …/BYTES` gives so many, whoever caches may keep them; `…/BYTES/chunked` without saying how many. Every other method
 * gets back how many it has sent.
 */
const server = createServer({ requestTimeout: 0 }, (request, response) => {
  void (request.method === 'GET' ? give(request, response) : take(request, response));
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') process.send?.({ port: address.port });
});
process.on('disconnect', () => process.exit());

async function give(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [, digits, chunked] = /\/(\d+)(\/chunked)?$/.exec(request.url ?? '') ?? [];
  const total = Number(digits);
  response.writeHead(200, {
    'Content-Type': 'application/octet-stream',
    'Cache-Control': 'max-age=3600',
    ...(chunked === undefined ? { 'Content-Length': total } : {}),
  });
  // The client may leave.
  await pipeline(chunks(total), response).catch(() => {});
}

async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let bytes = 0;
  for await (const data of request as AsyncIterable<Buffer>) bytes += data.length;
  response.end(String(bytes));
}
