// One body through a proxy, in either direction, by a client that keeps nothing of it.
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { chunks } from './chunks.ts';

export type Direction = 'download' | 'upload';

/** Resolves with how many bytes arrived at the other end, as that end counts them. */
export async function transfer(direction: Direction, url: string, bytes: number): Promise<number> {
  return direction === 'download' ? download(`${url}/${bytes}`) : upload(url, bytes);
}

/** How many bytes come of it. */
export async function download(url: string): Promise<number> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    httpRequest(url, { agent: false }, resolve).on('error', reject).end();
  });
  let bytes = 0;
  for await (const data of response as AsyncIterable<Buffer>) bytes += data.length;
  return bytes;
}

async function upload(url: string, bytes: number): Promise<number> {
  const headers = { 'content-length': bytes };
  const request = httpRequest(`${url}/`, { method: 'PUT', agent: false, headers });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    request.on('response', resolve).on('error', reject);
  });
  await pipeline(chunks(bytes), request);
  let text = '';
  for await (const data of await answered) text += data;
  return Number(text);
}
