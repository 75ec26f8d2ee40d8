// HTTP/1.1 on a byte stream (RFC 9112), the little that a client needs which sends one request per connection: the
// request's head as bytes, the response's head parsed strictly, and how its body is framed.
import { type Fields, fieldLines } from '../../core/http/fields.ts';

export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  readonly fields: Fields;
}

export type Framing =
  | { readonly type: 'none' }
  | { readonly type: 'length'; readonly bytes: number }
  | { readonly type: 'chunked' }
  /** The end of the connection ends the body. */
  | { readonly type: 'until-close' };

/** What the peer sent is not HTTP/1.1. */
export class Http1ProtocolError extends Error {
  override readonly name = 'Http1ProtocolError';
}

export interface RequestHead {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  readonly fields: Fields;
  /** null = no body; 'chunked' when its length is not known. */
  readonly body: number | 'chunked' | null;
}

/** The fields must hold no connection field, no Host and no Content-Length: they are written here. */
export function requestHeadBytes({ method, target, host, fields, body }: RequestHead): Uint8Array {
  const lines = [`${method} ${target} HTTP/1.1`, `Host: ${host}`, 'Connection: close'];
  for (const [name, value] of fields) lines.push(`${name}: ${value}`);
  if (body === 'chunked') lines.push('Transfer-Encoding: chunked');
  else if (body !== null) lines.push(`Content-Length: ${body}`);
  const text = `${lines.join('\r\n')}\r\n\r\n`;
  if (/[\r\n]/.test(lines.join('')) || /[ #]/.test(target)) {
    throw new Http1ProtocolError('A line of the request head holds a line break or a blank in its target');
  }
  return new TextEncoder().encode(text);
}

/** RFC 9110 §5.5: "Field values containing CR, LF, or NUL characters are invalid and dangerous". */
const DANGEROUS = /[\0\r\n]/;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** `text` is the head up to and without its empty line. Throws Http1ProtocolError. O(length). */
export function parseResponseHead(text: string): ResponseHead {
  const [statusLine = '', ...lines] = text.split('\r\n');
  const parts = /^HTTP\/1\.[01] (\d{3})(?: (.*))?$/.exec(statusLine);
  if (!parts) throw new Http1ProtocolError('The status line is not one of HTTP/1.1');
  const fields = lines.map((line) => {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon);
    // A line that goes on with a blank (obs-fold) fails here as well (RFC 9112 §5.2).
    if (colon === -1 || !TOKEN.test(name)) throw new Http1ProtocolError('A line of the head is not a field');
    const value = line.slice(colon + 1);
    if (DANGEROUS.test(value)) throw new Http1ProtocolError(`The field "${name}" holds a CR, LF or NUL`);
    return [name.toLowerCase(), value.trim()] as const;
  });
  return { status: Number(parts[1]), reason: parts[2] ?? '', fields };
}

/** RFC 9112 §6.3. Throws Http1ProtocolError where the length cannot be told. */
export function framingOf(method: string, { status, fields }: ResponseHead): Framing {
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return { type: 'none' };
  const codings = fieldLines(fields, 'transfer-encoding').join(',').toLowerCase().trim();
  if (codings !== '') {
    if (codings !== 'chunked') throw new Http1ProtocolError(`The transfer coding "${codings}" is not known`);
    return { type: 'chunked' };
  }
  const lengths = new Set(
    fieldLines(fields, 'content-length').flatMap((line) => line.split(',').map((length) => length.trim())),
  );
  if (lengths.size === 0) return { type: 'until-close' };
  const [length = ''] = lengths;
  if (lengths.size > 1 || !/^\d{1,15}$/.test(length)) {
    throw new Http1ProtocolError('The Content-Length is not one number');
  }
  return { type: 'length', bytes: Number(length) };
}
