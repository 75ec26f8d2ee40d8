// The cheapest origin that speaks HTTP: every request head gets the same bytes, 1 KiB of body among them. It must never
// be what limits a round. A process of its own; tells its port over IPC, and how many requests it has had to whoever asks.
// Argument: Cache-Control, "no-store" by default.
import { createServer } from 'node:net';
import { BODY_BYTES } from './plain-answer.ts';

const [cacheControl = 'no-store'] = process.argv.slice(2);
const HEAD = [
  'HTTP/1.1 200 OK',
  'Content-Type: text/plain; charset=utf-8',
  `Cache-Control: ${cacheControl}`,
  `Content-Length: ${BODY_BYTES}`,
];
const ANSWER = Buffer.from(`${HEAD.join('\r\n')}\r\n\r\n${'x'.repeat(BODY_BYTES)}`, 'latin1');
const HEAD_END = '\r\n\r\n';

let requests = 0;
const server = createServer({ noDelay: true }, (socket) => {
  let unread = '';
  socket.setEncoding('latin1').on('data', (data: string) => {
    unread += data;
    for (let end = unread.indexOf(HEAD_END); end !== -1; end = unread.indexOf(HEAD_END)) {
      unread = unread.slice(end + HEAD_END.length);
      requests++;
      socket.write(ANSWER);
    }
  });
  socket.on('error', () => {});
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') process.send?.({ port: address.port });
});
process.on('message', () => process.send?.({ requests }));
process.on('disconnect', () => process.exit());
