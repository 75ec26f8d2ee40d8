// The request's target: what is refused, what is folded, and that all else stays as it came.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resolveReference } from '../../core/http/resolve-reference.ts';
import { parseTarget, type Target } from '../../core/http/target.ts';

const SEEDED = { seed: 3986, numRuns: 250 };
/** Any UTF-16 unit; cheaper by a second than the library's own set of all characters. */
const anyUnit = fc.nat(0xffff).map((code) => String.fromCharCode(code));

function target(url: string): Target {
  const parsed = parseTarget(url);
  if (parsed.type !== 'target') throw new Error(`${url} is refused: ${JSON.stringify(parsed)}`);
  return parsed;
}

const refusal = (url: string) => {
  const parsed = parseTarget(url);
  return parsed.type === 'bad-target' ? parsed.reason : parsed.type;
};

describe('parseTarget', () => {
  it('takes a URL apart without changing its path or query', () => {
    expect(target('http://example.com/a/b;v=1?q=1&q=2')).toEqual({
      type: 'target',
      scheme: 'http',
      host: 'example.com',
      path: '/a/b;v=1',
      query: '?q=1&q=2',
      pathAndQuery: '/a/b;v=1?q=1&q=2',
      canonicalUrl: 'http://example.com/a/b;v=1?q=1&q=2',
    });
  });

  it.each([
    '/@scope%2fname',
    '/@scope%2Fname',
    '//double//slash',
    '/a;x',
    '/a%23b',
    '/a%3fb',
    '/%252e%252e/x',
    '/.well-known/x',
    '/...',
    '/a..b/.c',
    '/a?',
    '/a?../..',
    '/a?x=%5c%00%0a%0d\\',
    '/a??b',
    '/a"<>^`{|}',
    '/é',
  ])('keeps %s byte for byte', (pathAndQuery) => {
    const { canonicalUrl, ...parts } = target(`http://h${pathAndQuery}`);
    expect(parts.pathAndQuery).toBe(pathAndQuery);
    expect(canonicalUrl).toBe(`http://h${pathAndQuery}`);
  });

  it('tells apart what differs in the case of an escape or in an empty query', () => {
    const keys = ['/a%2fb', '/a%2Fb', '/a/b', '/a/b?'].map((path) => target(`http://h${path}`).canonicalUrl);
    expect(new Set(keys).size).toBe(4);
  });

  it.each([
    ['/a/../b', 'dot-segment'],
    ['/..', 'dot-segment'],
    ['/a/.', 'dot-segment'],
    ['/./a', 'dot-segment'],
    ['/a/%2e%2e/b', 'dot-segment'],
    ['/a/%2E%2e/b', 'dot-segment'],
    ['/a/.%2e/b', 'dot-segment'],
    ['/a/%2e', 'dot-segment'],
    ['/a/..?q', 'dot-segment'],
    ['/static/..%2faccount', 'dot-segment'],
    ['/static%2f..%2Faccount', 'dot-segment'],
    ['/a\\b', 'forbidden-character'],
    ['\\a', 'forbidden-character'],
    ['/a%5cb', 'forbidden-character'],
    ['/a%5Cb', 'forbidden-character'],
    ['/a%00', 'forbidden-character'],
    ['/a%0a', 'forbidden-character'],
    ['/a%0D', 'forbidden-character'],
    ['/a b', 'forbidden-character'],
    ['/a\u0000', 'forbidden-character'],
    ['/a\ufffd', 'forbidden-character'],
    ['/a#b', 'fragment'],
  ])('refuses %s as %s', (pathAndQuery, reason) => {
    expect(refusal(`http://h${pathAndQuery}`)).toBe(reason);
  });

  it.each([
    ['http://EXAMPLE.com/', 'example.com'],
    ['http://example.com./', 'example.com'],
    ['http://example.com:80/', 'example.com'],
    ['http://example.com:/', 'example.com'],
    ['http://example.com.:080/', 'example.com'],
    ['http://example.com:443/', 'example.com:443'],
    ['https://example.com:443/', 'example.com'],
    ['https://example.com:80/', 'example.com:80'],
    ['http://h:1337/', 'h:1337'],
    ['http://127.0.0.1:8787/', '127.0.0.1:8787'],
    ['http://[::1]:8787/', '[::1]:8787'],
    ['http://[2001:DB8:0:0:0:0:0:1]/', '[2001:db8::1]'],
    ['http://[::ffff:1.2.3.4]/', '[::ffff:1.2.3.4]'],
    ['HTTP://h/', 'h'],
  ])('reads the host of %s as %s', (url, host) => {
    expect(target(url).host).toBe(host);
  });

  it.each([
    ['http://a@h/', 'userinfo'],
    ['http://a:b@h/', 'userinfo'],
    ['http://@h/', 'userinfo'],
    ['http:///x', 'bad-host'],
    ['http://?x', 'bad-host'],
    ['http://h../', 'bad-host'],
    ['http://.h/', 'bad-host'],
    ['http://./', 'bad-host'],
    ['http://a%2eb/', 'bad-host'],
    ['http://a,b/', 'bad-host'],
    ['http://ex\u00e4mple/', 'bad-host'],
    ['http://[::1/', 'bad-port'],
    ['http://::1]/', 'bad-host'],
    ['http://[1.2.3.4]/', 'bad-host'],
    ['http://[::1%25eth0]/', 'bad-host'],
    ['http://[::1]x/', 'bad-host'],
    ['http://h:x/', 'bad-port'],
    ['http://h:65536/', 'bad-port'],
    ['http://h:1:2/', 'bad-port'],
    ['ftp://h/', 'not-absolute-http'],
    ['/x', 'not-absolute-http'],
    ['', 'not-absolute-http'],
    ['*', 'not-absolute-http'],
    // OPTIONS * as the runtime shows it.
    ['http://h*', 'bad-host'],
  ])('refuses %s: %s', (url, reason) => {
    expect(refusal(url)).toBe(reason);
  });

  it('gives a URL without a path the path "/"', () => {
    expect(target('http://h').pathAndQuery).toBe('/');
    expect(target('http://h?q').canonicalUrl).toBe('http://h/?q');
  });

  it('calls a URL over 16 KiB too long, and one of 16 KiB not', () => {
    expect(parseTarget(`http://h/${'a'.repeat(16_384 - 9)}`).type).toBe('target');
    expect(parseTarget(`http://h/${'a'.repeat(16_384 - 8)}`).type).toBe('too-long');
  });

  it('never throws, and is done when applied once', () => {
    fc.assert(
      fc.property(fc.string({ unit: anyUnit }), (text) => {
        for (const url of [text, `http://${text}`, `http://h/${text}`]) {
          const first = parseTarget(url);
          if (first.type === 'target') expect(parseTarget(first.canonicalUrl)).toEqual(first);
        }
      }),
      SEEDED,
    );
  });

  // The runtime's URL parser is the one that would fold a path behind our back: for what we accept it must not.
  it('accepts no path that a URL parser would fold', () => {
    const pieces = ['/', '.', '..', '%2e', '%2E', '%2f', '\\', '%5c', 'a', ';', '%252e', '@', ':'];
    const path = fc.array(fc.constantFrom(...pieces), { maxLength: 8 }).map((parts) => `/${parts.join('')}`);
    let accepted = 0;
    fc.assert(
      fc.property(path, (text) => {
        const parsed = parseTarget(`http://h${text}`);
        if (parsed.type !== 'target') return;
        accepted++;
        expect(new URL(parsed.canonicalUrl).pathname).toBe(text);
      }),
      SEEDED,
    );
    expect(accepted).toBeGreaterThan(50);
  });
});

describe('resolveReference (RFC 3986 §5.4)', () => {
  const base = { scheme: 'http', host: 'a', path: '/b/c/d;p', query: '?q' } as const;

  it.each([
    ['g', 'http://a/b/c/g'],
    ['./g', 'http://a/b/c/g'],
    ['g/', 'http://a/b/c/g/'],
    ['/g', 'http://a/g'],
    ['//g', 'http://g/'],
    ['?y', 'http://a/b/c/d;p?y'],
    ['g?y', 'http://a/b/c/g?y'],
    ['#s', 'http://a/b/c/d;p?q'],
    ['g#s', 'http://a/b/c/g'],
    ['g?y#s', 'http://a/b/c/g?y'],
    [';x', 'http://a/b/c/;x'],
    ['', 'http://a/b/c/d;p?q'],
    ['.', 'http://a/b/c/'],
    ['./', 'http://a/b/c/'],
    ['..', 'http://a/b/'],
    ['../', 'http://a/b/'],
    ['../g', 'http://a/b/g'],
    ['../..', 'http://a/'],
    ['../../g', 'http://a/g'],
    ['../../../g', 'http://a/g'],
    ['/./g', 'http://a/g'],
    ['/../g', 'http://a/g'],
    ['g.', 'http://a/b/c/g.'],
    ['..g', 'http://a/b/c/..g'],
    ['./../g', 'http://a/b/g'],
    ['g;x=1/../y', 'http://a/b/c/y'],
    ['g?y/../x', 'http://a/b/c/g?y/../x'],
    ['https://b/x', 'https://b/x'],
    ['HTTP://b/x', 'http://b/x'],
    ['http:g', null],
    ['mailto:x', null],
  ])('resolves "%s" to %s', (reference, resolved) => {
    expect(resolveReference(base, reference)).toBe(resolved);
  });
});
