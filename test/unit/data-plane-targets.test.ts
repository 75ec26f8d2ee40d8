// Where a request goes by its target: which plane, which prefixes, which bytes; and who sent it.
import { describe, expect, it } from 'vitest';
import { parseTarget } from '../../core/http/target.ts';
import { isControlPlane } from '../../worker/control-prefix.ts';
import { clientAddress, withoutPort } from '../../worker/data-plane/client-address.ts';
import { isSentUnchanged, originTarget } from '../../worker/data-plane/origin-target.ts';
import { createTargetMemory } from '../../worker/data-plane/target-memory.ts';
import { splitUrl } from '../../worker/split-url.ts';

describe('splitUrl', () => {
  it.each([
    ['http://a.example/x?y', 'a.example', '/x'],
    ['http://a.example', 'a.example', ''],
    ['https://a.example:8443?y=/z', 'a.example:8443', ''],
    ['http://[::1]:80//a//b', '[::1]:80', '//a//b'],
    ['http://a/x/../%2e%2e/y#z', 'a', '/x/../%2e%2e/y'],
  ])('cuts %s', (url, host, path) => {
    expect(splitUrl(url)).toEqual({ host, path });
  });
});

describe('isControlPlane', () => {
  it.each(['/_roundel/', '/_roundel/v1/config', '/_roundel/?x', '/_roundel//ready'])('takes %s', (target) => {
    expect(isControlPlane(`http://edge.example${target}`, {})).toBe(true);
  });

  it.each([
    '/',
    '/_roundel',
    '/_roundel?x',
    '/_roundelx',
    '/_Roundel/v1',
    '//_roundel/v1',
    '/%5froundel/v1',
    '/_roundel%2fv1',
    '/x/../_roundel/v1',
    '/./_roundel/v1',
    '\\_roundel',
    '/x?/_roundel/',
  ])('leaves %s to the routes', (target) => {
    expect(isControlPlane(`http://edge.example${target}`, {})).toBe(false);
  });

  it('answers on the admin host alone when there is one', () => {
    const env = { ROUNDEL_ADMIN_HOST: 'Admin.example' };
    expect(isControlPlane('http://admin.example.:8787/_roundel/v1', env)).toBe(true);
    expect(isControlPlane('http://www.example/_roundel/v1', env)).toBe(false);
  });

  it('answers below another prefix when that is set', () => {
    const env = { ROUNDEL_PREFIX: '/edge-admin' };
    expect(isControlPlane('http://a/edge-admin/v1', env)).toBe(true);
    expect(isControlPlane('http://a/_roundel/v1', env)).toBe(false);
  });
});

describe('originTarget', () => {
  const none = { stripPathPrefix: '', addPathPrefix: '' };

  it('leaves every byte as it came', () => {
    for (const target of ['/a%2fb//c;d%23e%3f?', '//a//?x', '/', '/?', '/a:b@c', '/%zz']) {
      expect(originTarget(target, none, '')).toBe(target);
    }
  });

  it('puts the base path, then the added prefix, before it', () => {
    expect(originTarget('/x?q', { stripPathPrefix: '', addPathPrefix: '/v2' }, '/base')).toBe('/base/v2/x?q');
    expect(originTarget('/x', { stripPathPrefix: '', addPathPrefix: '/v2/' }, '')).toBe('/v2/x');
  });

  it.each([
    ['/api/x', '/x'],
    ['/api', '/'],
    ['/api?q', '/?q'],
    ['/api/', '/'],
    ['/apiary', '/apiary'],
    ['/x/api', '/x/api'],
    ['/api//x', '//x'],
  ])('takes the prefix /api off %s where a segment ends', (target, expected) => {
    expect(originTarget(target, { stripPathPrefix: '/api', addPathPrefix: '' }, '')).toBe(expected);
    expect(originTarget(target, { stripPathPrefix: '/api/', addPathPrefix: '' }, '')).toBe(expected);
  });
});

describe('isSentUnchanged', () => {
  it('knows the characters that fetch would re-encode', () => {
    for (const target of ["/it's", '/?{^`}', '/a|b', '/a[b]', '/%2f%27', '/?a=%27&b=|', '/~!$&()*+,;=:@']) {
      expect(isSentUnchanged(target), target).toBe(true);
    }
    for (const target of ['/a"b', '/a{b}', '/a^b', '/a`b', "/?q='x'", '/é', '/?é']) {
      expect(isSentUnchanged(target), target).toBe(false);
    }
  });
});

describe('clientAddress', () => {
  const address = (cf: unknown, connectingIp?: string) =>
    clientAddress({ cf }, connectingIp === undefined ? [] : [['cf-connecting-ip', connectingIp]]);

  it('is what CF-Connecting-IP names, else the other end of the connection', () => {
    expect(address({ clientIp: '127.0.0.1:39742' }, '203.0.113.9')).toBe('203.0.113.9');
    expect(address({ clientIp: '127.0.0.1:39742' }, '2001:db8::7')).toBe('2001:db8::7');
    expect(address({ clientIp: '127.0.0.1:39742' })).toBe('127.0.0.1');
    expect(address(undefined)).toBe('');
  });

  it.each(['', 'unknown', '203.0.113.9, 198.51.100.1', '203.0.113.9:80', '203.0.113'])(
    'is not what CF-Connecting-IP says when that is no address: %j',
    (named) => {
      expect(address({ clientIp: '127.0.0.1:39742' }, named)).toBe('127.0.0.1');
    },
  );

  it('cuts the port off', () => {
    expect(withoutPort('127.0.0.1:39742')).toBe('127.0.0.1');
    expect(withoutPort('[2001:db8::1]:39742')).toBe('2001:db8::1');
    expect(withoutPort('2001:db8::1')).toBe('2001:db8::1');
    expect(withoutPort('198.51.100.7')).toBe('198.51.100.7');
  });
});

describe('the memory of targets', () => {
  it('parses what comes again once, and remembers a bounded number', () => {
    const parsed: string[] = [];
    const targetOf = createTargetMemory((url) => {
      parsed.push(url);
      return parseTarget(url);
    }, 2);
    const ask = (...paths: string[]) => {
      parsed.length = 0;
      for (const path of paths) expect(targetOf(`http://a${path}`)).toEqual(parseTarget(`http://a${path}`));
      return parsed.length;
    };
    expect(ask('/1', '/1', '/2', '/1')).toBe(2);
    expect(ask('/3', '/1')).toBe(1);
    expect(ask('/4', '/5', '/6', '/7')).toBe(4);
    expect(ask('/1')).toBe(1);
  });

  it('has none of what is refused, or long', () => {
    let parsed = 0;
    const targetOf = createTargetMemory((url) => {
      parsed++;
      return parseTarget(url);
    });
    for (const url of ['http://a/../b', `http://a/${'x'.repeat(2_000)}`]) {
      parsed = 0;
      for (const _ of [1, 2]) expect(targetOf(url)).toEqual(parseTarget(url));
      expect(parsed, url).toBe(2);
    }
  });
});
