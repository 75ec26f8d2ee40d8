// Requests to an edge as tests of the data plane make them: any Host, a connection each, everything of the response.
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:net';
import { expect } from 'vitest';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Ask {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string | string[]>;
  /** A list of strings is sent chunked. */
  readonly body?: string | Buffer | readonly string[];
}

/** Rejects when the response ends early. `url` names the edge's host and port, `host` is the Host field. */
export function askEdge(url: string, host: string, ask: Ask = {}): Promise<Answer> {
  const { method = 'GET', path = '/', headers = {}, body } = ask;
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { hostname, port, method, path, headers: { host, ...headers }, agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const { statusCode = 0, headers: received } = response;
          resolve({ status: statusCode, headers: received, body: Buffer.concat(chunks) });
        });
      },
    );
    request.on('error', reject);
    if (body === undefined) request.end();
    else if (typeof body === 'string' || Buffer.isBuffer(body)) request.end(body);
    else {
      for (const chunk of body) request.write(chunk);
      request.end();
    }
  });
}

/** The edge's own failure, checked for its form. */
export async function problemOf(answer: Promise<Answer>) {
  const { status, headers, body } = await answer;
  expect(headers['content-type']).toBe('application/problem+json');
  const told = JSON.parse(body.toString());
  expect(told).toMatchObject({ status, title: expect.any(String), detail: expect.any(String) });
  expect(told.requestId).toMatch(/\S/);
  const code: string = told.type.replace('urn:roundel:problem:', '');
  return { status, code, retryAfter: headers['retry-after'] ?? '' };
}

/** A port of 127.0.0.1 at which nobody listens. */
export async function unusedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('The server has no port');
  return address.port;
}
