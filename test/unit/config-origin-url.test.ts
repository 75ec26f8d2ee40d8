// Addresses of origins, hosts, address ranges and status ranges: strict parsers, checked against the platform's own
// where there is one.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressRangeProblem, parseStatusRange } from '../../core/config/field-rules.ts';
import { parseHostAndPort, parseOriginUrl } from '../../core/config/origin-url.ts';

describe('the URL of an origin', () => {
  it.each([
    ['http://127.0.0.1:9001', 'http', '127.0.0.1', 9001, ''],
    ['https://Example.COM/', 'https', 'example.com', null, ''],
    ['HTTPS://a_b.example/base/', 'https', 'a_b.example', null, '/base'],
    ['http://[2001:db8::1]:80/a%20b//c', 'http', '[2001:db8::1]', 80, '/a%20b//c'],
    ['http://localhost/~x', 'http', 'localhost', null, '/~x'],
    ['http://xn--bcher-kva.example.', 'http', 'xn--bcher-kva.example.', null, ''],
  ])('%s is read in its parts', (text, scheme, host, port, basePath) => {
    expect(parseOriginUrl(text)).toEqual({ ok: true, url: { scheme, host, port, basePath } });
  });

  it.each([
    '',
    'example.com',
    'ftp://example.com',
    'file:///etc/passwd',
    'javascript:alert(1)',
    '//example.com',
    'http:/example.com',
    'http://',
    'http:///path',
    'http://user@example.com',
    'http://user:secret@example.com',
    'http://example.com?x',
    'http://example.com/#x',
    'http://example.com:',
    'http://example.com:0',
    'http://example.com:65536',
    'http://example.com:8o',
    'http://exam ple.com',
    'http://example.com/a b',
    'http://example.com/%zz',
    'http://example.com/a\\b',
    'http://example.com\\@evil.example',
    'http://example.com/a/../b',
    'http://example.com/%2e%2E/b',
    'http://example..com',
    'http://-a.example',
    'http://bücher.example',
    'http://256.1.1.1',
    'http://127.1',
    'http://0x7f.1',
    'http://2130706433',
    'http://010.0.0.1',
    'http://[::1',
    'http://[12345::]',
    'http://[fe80::1%25eth0]',
    ' http://example.com',
    'http://example.com\n',
    `http://example.com/${'a'.repeat(2_048)}`,
  ])('%j is refused', (text) => {
    expect(parseOriginUrl(text)).toMatchObject({ ok: false });
  });

  it('is refused with the reason that helps', () => {
    expect(parseOriginUrl('http://user:secret@example.com')).toEqual({
      ok: false,
      message: 'must not hold credentials',
    });
    expect(parseOriginUrl('ftp://example.com')).toEqual({
      ok: false,
      message: 'must start with http:// or https://',
    });
  });

  it('means the same to the platform that will fetch it', () => {
    // Pieces that meet the grammar's edges more often than plain chance would.
    const piece = fc.constantFrom(
      'http://',
      'https://',
      'a',
      '1',
      '.',
      '-',
      '_',
      ':',
      '/',
      '%',
      '[',
      ']',
      '@',
    );
    const more = fc.constantFrom(
      '8',
      '0',
      'x',
      'f',
      '\\',
      '?',
      '#',
      '2e',
      'é',
      ' ',
      '\t',
      '127.0.0.1',
      '::1',
    );
    const texts = fc
      .tuple(fc.constantFrom('http://', 'https://', ''), fc.array(fc.oneof(piece, more), { maxLength: 8 }))
      .map(([start, rest]) => start + rest.join(''));
    fc.assert(
      fc.property(texts, (text) => {
        const parsed = parseOriginUrl(text);
        if (!parsed.ok) return;
        const { scheme, host, port, basePath } = parsed.url;
        const url = new URL(text);
        expect(url.protocol).toBe(`${scheme}:`);
        if (!host.startsWith('[')) expect(url.hostname).toBe(host);
        const portShown = port === (scheme === 'http' ? 80 : 443) ? null : port;
        expect(url.port).toBe(portShown === null ? '' : String(portShown));
        expect([url.username, url.password, url.search, url.hash]).toEqual(['', '', '', '']);
        expect(url.pathname === '/' ? '' : url.pathname.replace(/\/$/, '')).toBe(basePath);
      }),
      { seed: 11, numRuns: 20_000 },
    );
  });
});

describe('addresses', () => {
  it.each(['10.0.0.0/8', '0.0.0.0/0', '::/0', '2001:db8::/128', '192.0.2.1', '::1'])(
    '%s is a range',
    (text) => {
      expect(addressRangeProblem(text)).toBeNull();
    },
  );

  it.each(['10.0.0.0/33', '::/129', '10.0.0/8', '10.0.0.0/', '10.0.0.0/08', '10.0.0.0/-1', 'all', ''])(
    '%j is no range',
    (text) => {
      expect(addressRangeProblem(text)).not.toBeNull();
    },
  );

  it('may have a port where a host is asked for', () => {
    expect(parseHostAndPort('app.example:8080')).toEqual({ ok: true, host: 'app.example', port: 8080 });
    expect(parseHostAndPort('app.example/x')).toMatchObject({ ok: false });
  });
});

describe('a range of statuses', () => {
  it.each([
    ['2xx', [200, 299]],
    ['204', [204, 204]],
    ['200-399', [200, 399]],
    ['300-299', null],
    ['2XX', null],
    ['6xx', null],
    ['99', null],
    ['200-', null],
    ['', null],
  ])('%j is %j', (text, range) => {
    expect(parseStatusRange(text)).toEqual(range);
  });
});
