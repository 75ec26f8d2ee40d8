// One request to an edge on this machine; unlike fetch it may name another Host than the address.
import { request } from 'node:http';

export interface EdgeAddress {
  readonly host: string;
  readonly port: number;
}

export interface EdgeCall extends EdgeAddress {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Default 10 s for the whole call. */
  readonly timeoutMs?: number;
}

export interface EdgeAnswer {
  readonly status: number;
  readonly body: string;
}

export function callEdge(call: EdgeCall): Promise<EdgeAnswer> {
  const { host, port, path, method = 'GET', headers = {}, body = '', timeoutMs = 10_000 } = call;
  const length: Record<string, string> =
    body === '' ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const sent = request({
      host,
      port,
      path,
      method,
      headers: { ...headers, ...length },
      agent: false,
      signal,
    });
    sent.on('error', reject);
    sent.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (data) => {
        text += data;
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
    });
    sent.end(body);
  });
}

/** The address to call for an address to listen on, as it stands in a URL. */
export function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '*') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

export const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);
