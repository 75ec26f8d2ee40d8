// What the edge says itself: its errors as documents, and HTTP/1.1 messages over a plain socket.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  EDGE_ERRORS,
  type EdgeErrorCode,
  edgeError,
  prefersHtml,
} from '../../worker/data-plane/edge-error.ts';
import {
  framingOf,
  Http1ProtocolError,
  parseResponseHead,
  requestHeadBytes,
} from '../../worker/data-plane/http1-message.ts';
import { createPassMemory } from '../../worker/data-plane/pass-memory.ts';

describe('edgeError', () => {
  const request = (headers: Record<string, string> = {}, method = 'GET') =>
    new Request('http://edge.example/x', { headers, method });

  it.each(Object.entries(EDGE_ERRORS))('tells %s as problem+json', async (code, { status, title }) => {
    const response = edgeError(request(), 'id-1', { code: code as EdgeErrorCode, detail: 'Cannot do it' });
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await response.json()).toEqual({
      type: `urn:roundel:problem:${code}`,
      title,
      status,
      detail: 'Cannot do it',
      requestId: 'id-1',
    });
  });

  it('says when to come back, and is kept by no cache', () => {
    const response = edgeError(request(), 'id', { code: 'no-backend', detail: '', retryAfterSeconds: 3 });
    expect(response.headers.get('retry-after')).toBe('3');
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  it('shows a page to those who prefer one, with nothing of the request taken as markup', async () => {
    const detail = 'Cannot route GET http://a/<script>"&';
    const response = edgeError(request({ accept: 'text/html,*/*;q=0.8' }), 'id', {
      code: 'no-route',
      detail,
    });
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const page = await response.text();
    expect(page).toContain('no');
    expect(page).not.toContain('<script>');
    expect(page).toContain('&#60;script&#62;&#34;&#38;');
  });

  it('has no body for HEAD', async () => {
    expect(await edgeError(request({}, 'HEAD'), 'id', { code: 'no-route', detail: '' }).text()).toBe('');
  });
});

describe('prefersHtml', () => {
  it.each([
    [null, false],
    ['*/*', false],
    ['text/html', true],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', true],
    ['application/json, text/html', false],
    ['application/json;q=0.5, text/html', true],
    ['text/html;q=0', false],
    ['text/html;q=0.3, application/problem+json;q=0.2', true],
    ['TEXT/HTML ; Q=0.9, */*;q=0.1', true],
    ['text/html;q=high', false],
  ])('%j: %s', (accept, expected) => {
    expect(prefersHtml(accept)).toBe(expected);
  });
});

describe('requestHeadBytes', () => {
  const head = { method: 'GET', target: "/a'b?c", host: 'h.example', fields: [], body: null } as const;

  it('writes the head of RFC 9112 §3', () => {
    const bytes = requestHeadBytes({ ...head, fields: [['x-a', '1']], body: 5 });
    expect(new TextDecoder().decode(bytes)).toBe(
      "GET /a'b?c HTTP/1.1\r\nHost: h.example\r\nConnection: close\r\nx-a: 1\r\nContent-Length: 5\r\n\r\n",
    );
  });

  it('refuses what would smuggle a line', () => {
    expect(() => requestHeadBytes({ ...head, fields: [['x', 'a\r\nb: c']] })).toThrow(Http1ProtocolError);
    expect(() => requestHeadBytes({ ...head, target: '/a b' })).toThrow(Http1ProtocolError);
    expect(() => requestHeadBytes({ ...head, host: 'a\nb' })).toThrow(Http1ProtocolError);
  });
});

describe('parseResponseHead', () => {
  it('reads status, reason and field lines', () => {
    expect(parseResponseHead('HTTP/1.1 299 Odd Thing\r\nX-A:  1 \r\nx-a:2\r\nEmpty:')).toEqual({
      status: 299,
      reason: 'Odd Thing',
      fields: [
        ['x-a', '1'],
        ['x-a', '2'],
        ['empty', ''],
      ],
    });
  });

  it.each([
    'NOT HTTP',
    'HTTP/2 200 OK',
    'HTTP/1.1 20 OK',
    'HTTP/1.1 2000 OK',
    'HTTP/1.1 200 OK\r\nno colon',
    'HTTP/1.1 200 OK\r\na: 1\r\n folded: 2',
    'HTTP/1.1 200 OK\r\nbad name: 1',
    'HTTP/1.1 200 OK\r\n: 1',
    'HTTP/1.1 200 OK\r\na: 1\rset-cookie: evil=1',
    'HTTP/1.1 200 OK\r\na: 1\nset-cookie: evil=1',
    'HTTP/1.1 200 OK\r\na: 1\0',
    '',
  ])('refuses %j', (text) => {
    expect(() => parseResponseHead(text)).toThrow(Http1ProtocolError);
  });

  it('throws nothing else, whatever comes', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), (text) => {
        try {
          framingOf('GET', parseResponseHead(`HTTP/1.1 200 OK\r\n${text}`));
        } catch (error) {
          expect(error).toBeInstanceOf(Http1ProtocolError);
        }
      }),
      { seed: 11, numRuns: 500 },
    );
  });
});

describe('framingOf (RFC 9112 §6.3)', () => {
  const framing = (lines: string, method = 'GET', status = 200) =>
    framingOf(method, parseResponseHead(`HTTP/1.1 ${status} X${lines}`));

  it.each([
    ['', 'GET', 200, { type: 'until-close' }],
    ['\r\nContent-Length: 7', 'GET', 200, { type: 'length', bytes: 7 }],
    ['\r\nContent-Length: 7, 7', 'GET', 200, { type: 'length', bytes: 7 }],
    ['\r\nTransfer-Encoding: Chunked\r\nContent-Length: 7', 'GET', 200, { type: 'chunked' }],
    ['\r\nContent-Length: 7', 'HEAD', 200, { type: 'none' }],
    ['\r\nContent-Length: 7', 'GET', 304, { type: 'none' }],
    ['', 'GET', 204, { type: 'none' }],
  ])('%j to %s with %i', (lines, method, status, expected) => {
    expect(framing(lines, method, status)).toEqual(expected);
  });

  it.each([
    '\r\nContent-Length: 7\r\nContent-Length: 8',
    '\r\nContent-Length: -1',
    '\r\nContent-Length: 1e3',
    '\r\nTransfer-Encoding: gzip, chunked',
  ])('refuses %j', (lines) => {
    expect(() => framing(lines)).toThrow(Http1ProtocolError);
  });
});

describe('createPassMemory', () => {
  it('remembers a key for ten seconds', () => {
    let nowMs = 0;
    const memory = createPassMemory(() => nowMs);
    memory.remember('a');
    nowMs = 9_999;
    expect(memory.has('a')).toBe(true);
    nowMs = 10_000;
    expect(memory.has('a')).toBe(false);
  });

  it('forgets the oldest beyond its bound', () => {
    const memory = createPassMemory(() => 0);
    for (let i = 0; i <= 2_000; i++) memory.remember(`key ${i}`);
    expect(memory.has('key 0')).toBe(false);
    expect(memory.has('key 1')).toBe(true);
    expect(memory.has('key 2000')).toBe(true);
  });

  it('forgets at once when told to', () => {
    const memory = createPassMemory(() => 0);
    memory.remember('a');
    memory.forget('a');
    expect(memory.has('a')).toBe(false);
  });
});
