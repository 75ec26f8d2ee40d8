// The duties of an intermediary: what goes on to an origin, what comes back, and whose word is believed.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Fields } from '../../core/http/fields.ts';
import { fieldLines, fieldValue } from '../../core/http/fields.ts';
import {
  fieldsToClient,
  fieldsToOrigin,
  isOfArrival,
  ownFieldsToOrigin,
} from '../../core/http/forward-fields.ts';
import { withoutHopByHop } from '../../core/http/hop-by-hop.ts';

const ARRIVAL = {
  clientIp: '203.0.113.7',
  scheme: 'https',
  host: 'shop.example',
  trustedProxies: [],
  setHeaders: {},
  removeHeaders: [],
} as const;

function outgoing(fields: Fields, arrival: Partial<Parameters<typeof fieldsToOrigin>[0]> = {}): Fields {
  const forward = fieldsToOrigin({ ...ARRIVAL, ...arrival, fields });
  if (forward.type !== 'forward') throw new Error(`Refused as ${forward.type}`);
  return forward.fields;
}

describe('RFC 9110 §7.6.1 Connection', () => {
  it('takes off what belongs to one connection, and every field that Connection names', () => {
    const kept = withoutHopByHop([
      ['connection', 'close, X-One'],
      ['connection', 'x-two'],
      ['x-one', '1'],
      ['x-two', '2'],
      ['x-three', '3'],
      ['keep-alive', 'timeout=5'],
      ['proxy-connection', 'close'],
      ['proxy-authorization', 'Basic x'],
      ['proxy-authenticate', 'Basic'],
      ['proxy-anything', 'x'],
      ['te', 'trailers'],
      ['trailer', 'x'],
      ['transfer-encoding', 'chunked'],
      ['upgrade', 'h2c'],
      ['accept', '*/*'],
    ]);
    expect(kept).toEqual([
      ['x-three', '3'],
      ['accept', '*/*'],
    ]);
  });

  it('keeps repeated lines apart and in order', () => {
    const cookies: Fields = [
      ['set-cookie', 'a=1'],
      ['x', 'y'],
      ['set-cookie', 'b=2'],
    ];
    expect(withoutHopByHop(cookies)).toEqual(cookies);
  });
});

describe('RFC 9110 §7.6.3 Via and RFC 8586 CDN-Loop', () => {
  it('marks what it sends, after the marks of others', () => {
    const fields = outgoing([
      ['via', '1.0 fred'],
      ['cdn-loop', 'other; v=1, third'],
    ]);
    expect(fieldValue(fields, 'via')).toBe('1.0 fred, 1.1 roundel');
    expect(fieldLines(fields, 'cdn-loop')).toEqual(['other; v=1, third, roundel']);
  });

  it.each([
    [['roundel']],
    [['ROUNDEL']],
    [['other, roundel; v=1']],
    [['other', ' roundel ;v="a, b"']],
    [['x="a, b", roundel']],
  ])('refuses %j as a loop', (values) => {
    const fields = values.map((value) => ['cdn-loop', value] as const);
    expect(fieldsToOrigin({ ...ARRIVAL, fields }).type).toBe('loop');
  });

  it.each(['roundel.example', 'x; by="roundel"', 'x; by="a, roundel, b"', 'my-roundel', 'x; roundel'])(
    'lets %s pass: it is not ours',
    (value) => {
      expect(fieldsToOrigin({ ...ARRIVAL, fields: [['cdn-loop', value]] }).type).toBe('forward');
    },
  );

  it('is not deceived by a client that names CDN-Loop in Connection', () => {
    const fields: Fields = [
      ['connection', 'cdn-loop, via'],
      ['cdn-loop', 'roundel'],
    ];
    expect(fieldsToOrigin({ ...ARRIVAL, fields }).type).toBe('loop');
    const other = outgoing([
      ['connection', 'cdn-loop'],
      ['cdn-loop', 'other'],
    ]);
    expect(fieldValue(other, 'cdn-loop')).toBe('other, roundel');
  });
});

describe('RFC 7239 and its forerunners', () => {
  const CLAIMS = [
    'x-forwarded-for',
    'x-forwarded-proto',
    'x-forwarded-host',
    'x-forwarded-port',
    'x-forwarded-prefix',
    'x-forwarded',
    'forwarded',
    'x-host',
    'x-original-url',
    'x-original-host',
    'x-rewrite-url',
    'x-http-method-override',
    'x-http-method',
    'x-method-override',
    'x-real-ip',
    'true-client-ip',
    'cf-connecting-ip',
    'x_forwarded_host',
    'x-forwarded_proto',
    'x_host',
    'x_http_method_override',
    'x-original-uri',
    'x-override-url',
    'x-http-host-override',
    'client-ip',
    'surrogate-capability',
  ];

  it.each(CLAIMS)('believes no client about %s', (name) => {
    const value = `evil-${name}`;
    const text = JSON.stringify(outgoing([[name, value]]));
    expect(text).not.toContain(value);
    const hidden = JSON.stringify(
      outgoing([
        ['connection', 'x-forwarded-for, forwarded'],
        [name, value],
      ]),
    );
    expect(hidden).not.toContain(value);
  });

  it('takes of a trusted proxy what it says itself, not what others spell as it does', () => {
    const spelled: Fields = [
      ['x_forwarded_for', 'evil'],
      ['x-forwarded-port', '8443'],
    ];
    const text = JSON.stringify(outgoing(spelled, { trustedProxies: ['203.0.113.7'] }));
    expect([text.includes('evil'), text.includes('8443')]).toEqual([false, true]);
  });

  it('says who asked, for what host, by what scheme', () => {
    const fields = outgoing([['accept', '*/*']]);
    expect(fields).toEqual([
      ['accept', '*/*'],
      ['x-forwarded-for', '203.0.113.7'],
      ['x-forwarded-proto', 'https'],
      ['x-forwarded-host', 'shop.example'],
      ['forwarded', 'for=203.0.113.7;host=shop.example;proto=https'],
      ['via', '1.1 roundel'],
      ['cdn-loop', 'roundel'],
    ]);
  });

  it('quotes what is no token: IPv6 addresses and hosts with ports', () => {
    const fields = outgoing([], { clientIp: '2001:db8::1', host: 'shop.example:8443' });
    expect(fieldValue(fields, 'forwarded')).toBe('for="[2001:db8::1]";host="shop.example:8443";proto=https');
    expect(fieldValue(fields, 'x-forwarded-for')).toBe('2001:db8::1');
  });

  it('says "unknown" of a client without an address', () => {
    const fields = outgoing([], { clientIp: '' });
    expect(fieldValue(fields, 'forwarded')).toBe('for=unknown;host=shop.example;proto=https');
    expect(fieldValue(fields, 'x-forwarded-for')).toBeUndefined();
  });

  const trusting = { trustedProxies: ['203.0.113.0/24'] };

  it('appends to what a trusted proxy says', () => {
    const fields = outgoing(
      [
        ['x-forwarded-for', '198.51.100.9, 192.0.2.1'],
        ['x-forwarded-proto', 'http'],
        ['x-forwarded-host', 'public.example'],
        ['x-forwarded-port', '8080'],
        ['x-real-ip', '198.51.100.9'],
      ],
      trusting,
    );
    expect(fieldValue(fields, 'x-forwarded-for')).toBe('198.51.100.9, 192.0.2.1, 203.0.113.7');
    expect(fieldValue(fields, 'x-forwarded-proto')).toBe('http');
    expect(fieldValue(fields, 'x-forwarded-host')).toBe('public.example');
    expect(fieldValue(fields, 'x-forwarded-port')).toBe('8080');
    expect(fieldValue(fields, 'x-real-ip')).toBe('198.51.100.9');
    expect(fieldValue(fields, 'forwarded')).toBe(
      'for=198.51.100.9, for=192.0.2.1, for=203.0.113.7;host=shop.example;proto=https',
    );
  });

  it("prefers a trusted proxy's X-Forwarded-For to a Forwarded that it may have let pass", () => {
    const both = outgoing(
      [
        ['x-forwarded-for', 'garbage, 2001:db8::2'],
        ['forwarded', 'for=10.0.0.1'],
      ],
      trusting,
    );
    expect(fieldValue(both, 'forwarded')).toBe(
      'for=unknown, for="[2001:db8::2]", for=203.0.113.7;host=shop.example;proto=https',
    );
    const alone = outgoing([['forwarded', 'for="[2001:db8::3]:47011"']], trusting);
    expect(fieldValue(alone, 'forwarded')).toBe(
      'for="[2001:db8::3]:47011", for=203.0.113.7;host=shop.example;proto=https',
    );
  });

  it('trusts a proxy under the IPv4-mapped form of its address, and no other peer', () => {
    const claim: Fields = [['x-forwarded-for', '198.51.100.9']];
    expect(
      fieldValue(outgoing(claim, { ...trusting, clientIp: '::ffff:203.0.113.7' }), 'x-forwarded-for'),
    ).toBe('198.51.100.9, 203.0.113.7');
    expect(fieldValue(outgoing(claim, { ...trusting, clientIp: '203.0.114.7' }), 'x-forwarded-for')).toBe(
      '203.0.114.7',
    );
  });
});

describe("the route's own changes", () => {
  it('are made last, removals before settings, names in any case', () => {
    const fields = outgoing(
      [
        ['host', 'shop.example'],
        ['cookie', 'a=1'],
        ['x-a', '1'],
        ['x-a', '2'],
      ],
      { setHeaders: { 'X-A': '3', Via: 'mine' }, removeHeaders: ['Cookie', 'X-Forwarded-Host'] },
    );
    expect(fieldLines(fields, 'x-a')).toEqual(['3']);
    expect(fieldLines(fields, 'via')).toEqual(['mine']);
    for (const name of ['cookie', 'x-forwarded-host', 'host']) expect(fieldLines(fields, name)).toEqual([]);
  });
});

describe('fieldsToClient', () => {
  const receivedAt = Date.UTC(2026, 10, 21, 4, 0, 0, 700);
  const base = { receivedAt, setHeaders: {}, removeHeaders: [] };

  it('adds Via, and Date where it is missing (RFC 9110 §6.6.1)', () => {
    expect(fieldsToClient({ ...base, fields: [['x', 'y']] })).toEqual([
      ['x', 'y'],
      ['via', '1.1 roundel'],
      ['date', 'Sat, 21 Nov 2026 04:00:00 GMT'],
    ]);
  });

  it('never rewrites a Date, not even one that is no date', () => {
    const fields = fieldsToClient({ ...base, fields: [['date', 'yesterday']] });
    expect(fieldLines(fields, 'date')).toEqual(['yesterday']);
  });

  it('takes off hop-by-hop fields, keeps cookies apart, and makes the changes of the route', () => {
    const fields = fieldsToClient({
      ...base,
      fields: [
        ['connection', 'x-secret'],
        ['x-secret', '1'],
        ['server', 'x'],
        ['set-cookie', 'a=1'],
        ['set-cookie', 'b=2'],
      ],
      setHeaders: { 'Strict-Transport-Security': 'max-age=1' },
      removeHeaders: ['Server'],
    });
    expect(fields.map(([name]) => name)).toEqual([
      'set-cookie',
      'set-cookie',
      'via',
      'date',
      'strict-transport-security',
    ]);
  });
});

describe("the client's own fields", () => {
  const NAMES = ['accept', 'cookie', 'host', 'te', 'via', 'cdn-loop', 'x-forwarded-for', 'x-host', 'x-one'];
  const name = fc.constantFrom(...NAMES);
  const line = fc.oneof(
    fc.tuple(name, fc.constantFrom('a', 'b, c', '10.0.0.1')),
    fc.tuple(fc.constant('connection'), fc.oneof(name, fc.constant('keep-alive'))),
  );
  const changes = fc.record({
    setHeaders: fc.dictionary(name, fc.constant('set')),
    removeHeaders: fc.array(name, { maxLength: 2 }),
  });

  it('are what origins get, but for what depends on where a request came from', () => {
    fc.assert(
      fc.property(fc.array(line), changes, fc.boolean(), (fields, changed, trusts) => {
        const trustedProxies = trusts ? [ARRIVAL.clientIp] : [];
        const sent = outgoing(fields, { ...changed, trustedProxies });
        const own = ownFieldsToOrigin(fields, changed);
        for (const one of new Set([...sent, ...own].map(([of]) => of))) {
          if (!isOfArrival(one)) expect(fieldLines(own, one), one).toEqual(fieldLines(sent, one));
        }
      }),
      { seed: 31 },
    );
  });
});
