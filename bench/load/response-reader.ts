// An HTTP/1.1 response as its bytes come in: what a load has to know of it is its status, where it ends (RFC 9112 §6.3),
// and whether its connection can be used again.

type Expecting = 'head' | 'body' | 'chunk-size' | 'chunk' | 'trailer' | 'close' | 'end';

const HEAD_END = '\r\n\r\n';
const HEAD_BYTES_MAX = 65_536;
/** After each chunk. */
const LINE_END_BYTES = 2;

export class ResponseReader {
  status = 0;
  /** Of its content, without the framing of chunks. */
  bodyBytes = 0;
  isReusable = true;
  #expecting: Expecting = 'head';
  #isHead = false;
  /** Bytes of the body or of the chunk, its line end included, that are to come. */
  #left = 0;
  /** The head or line so far. */
  #text = '';

  /** Before each response. `isHead`: it answers a HEAD, so that its length is not that of what follows. */
  begin(isHead: boolean): void {
    this.status = 0;
    this.bodyBytes = 0;
    this.isReusable = true;
    this.#expecting = 'head';
    this.#isHead = isHead;
    this.#text = '';
  }

  /** True when it is whole. Throws on what is no HTTP/1.1 response, or on bytes behind one. */
  push(data: Buffer): boolean {
    let at = 0;
    while (at < data.length) {
      if (this.#expecting === 'end') throw new Error('Cannot read a response: there are bytes behind it');
      at = this.#step(data, at);
    }
    return this.#expecting === 'end';
  }

  /** The connection has ended: true when the response is whole by that. */
  close(): boolean {
    return this.#expecting === 'close';
  }

  /** Returns where to go on. */
  #step(data: Buffer, at: number): number {
    switch (this.#expecting) {
      case 'head':
        return this.#head(data, at);
      case 'body':
      case 'chunk': {
        const taken = Math.min(this.#left, data.length - at);
        this.#left -= taken;
        this.bodyBytes += taken;
        if (this.#left === 0) {
          if (this.#expecting === 'chunk') this.bodyBytes -= LINE_END_BYTES;
          this.#expecting = this.#expecting === 'body' ? 'end' : 'chunk-size';
        }
        return at + taken;
      }
      case 'close':
        this.bodyBytes += data.length - at;
        return data.length;
      default:
        return this.#line(data, at);
    }
  }

  #head(data: Buffer, at: number): number {
    const before = this.#text.length;
    // All of it: a head ends in the bytes that it came with, but for the rarest of cases.
    const text = this.#text + data.toString('latin1', at);
    const end = text.indexOf(HEAD_END, Math.max(0, before - HEAD_END.length));
    if (end === -1) {
      if (text.length > HEAD_BYTES_MAX) throw new Error('Cannot read a response: its head does not end');
      this.#text = text;
      return data.length;
    }
    this.#text = '';
    this.#begun(text.slice(0, end));
    return at + end + HEAD_END.length - before;
  }

  #begun(head: string): void {
    const [, minor, code] = /^HTTP\/1\.([01]) (\d{3})/.exec(head) ?? [];
    if (code === undefined) throw new Error('Cannot read a response: it is not HTTP/1.1');
    this.status = Number(code);
    if (this.status < 200) return;
    this.isReusable = minor === '1' && !/\r\nconnection: *close/i.test(head);
    if (this.#isHead || this.status === 204 || this.status === 304) this.#expecting = 'end';
    else if (/\r\ntransfer-encoding: *chunked/i.test(head)) this.#expecting = 'chunk-size';
    else {
      const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
      this.#left = Number(length);
      if (length === undefined) {
        this.#expecting = 'close';
        this.isReusable = false;
      } else this.#expecting = this.#left === 0 ? 'end' : 'body';
    }
  }

  #line(data: Buffer, at: number): number {
    const end = data.indexOf('\n', at);
    this.#text += data.toString('latin1', at, end === -1 ? data.length : end);
    if (this.#text.length > HEAD_BYTES_MAX) throw new Error('Cannot read a response: a line does not end');
    if (end === -1) return data.length;
    const line = this.#text.trim();
    this.#text = '';
    if (this.#expecting === 'trailer') {
      if (line === '') this.#expecting = 'end';
    } else {
      const size = Number.parseInt(line, 16);
      if (!(size >= 0)) throw new Error('Cannot read a response: a chunk has no size');
      this.#left = size + LINE_END_BYTES;
      this.#expecting = size === 0 ? 'trailer' : 'chunk';
    }
    return end + 1;
  }
}
