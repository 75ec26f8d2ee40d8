// Addresses and networks: strict forms, one identity per address whatever its spelling.
import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  canonicalIp,
  formatIp,
  isInNetwork,
  isInNetworks,
  parseIp,
  parseNetwork,
} from '../../core/http/ip.ts';

const SEEDED = { seed: 5952, numRuns: 250 };

describe('parseIp', () => {
  it('takes what the platform takes for an address, and nothing else', () => {
    const soup = fc
      .array(fc.constantFrom('0', '1', '255', '256', 'f', 'ffff', 'g', ':', '::', '.', '1.2.3.4', '01'), {
        maxLength: 14,
      })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.oneof(soup, fc.ipV4(), fc.ipV6(), fc.string()), (text) => {
        const isAddress = isIP(text) !== 0 && !text.includes('%');
        expect(parseIp(text) !== null).toBe(isAddress);
      }),
      SEEDED,
    );
  });

  it('takes "::" for one group at least, and once', () => {
    for (const text of ['1:2:3:4::5:6:7:8', '1:2:3:4:5:6:7:8::', '::1::', ':::', '1:2:3:4:5:6:1.2.3.4::']) {
      expect(parseIp(text)).toBeNull();
    }
    expect(parseIp('1:2:3::5:6:7:8')).toEqual([1, 2, 3, 0, 5, 6, 7, 8]);
  });

  it('knows an IPv4 address and its mapped IPv6 form as one', () => {
    expect(parseIp('::ffff:10.1.2.3')).toEqual(parseIp('10.1.2.3'));
    expect(parseIp('::ffff:a01:203')).toEqual(parseIp('10.1.2.3'));
  });
});

describe('canonicalIp', () => {
  it('is the text that parsing and writing gives, by whichever way it comes to it', () => {
    const nearly = fc
      .array(fc.constantFrom('0', '1', '9', '10', '99', '255', '256', '01', '.', '..', ':', 'a', ' '), {
        maxLength: 9,
      })
      .map((parts) => parts.join(''));
    const dotted = fc.array(fc.nat(300), { minLength: 3, maxLength: 5 }).map((parts) => parts.join('.'));
    fc.assert(
      fc.property(fc.oneof(nearly, dotted, fc.ipV4(), fc.ipV6(), fc.string()), (text) => {
        const address = parseIp(text);
        expect(canonicalIp(text)).toBe(address === null ? '' : formatIp(address));
      }),
      { ...SEEDED, numRuns: 2_000 },
    );
  });
});

describe('formatIp (RFC 5952)', () => {
  it('writes one text per address, as a URL parser does', () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const address = parseIp(text);
        if (address === null) return;
        const formatted = formatIp(address);
        expect(parseIp(formatted)).toEqual(address);
        if (!formatted.includes('.')) expect(`[${formatted}]`).toBe(new URL(`http://[${text}]/`).hostname);
      }),
      SEEDED,
    );
  });

  it.each([
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['1:0:0:0:0:0:0:0', '1::'],
    ['::FFFF:1.2.3.4', '1.2.3.4'],
  ])('writes %s as %s', (text, formatted) => {
    expect(formatIp(parseIp(text) ?? [])).toBe(formatted);
  });
});

describe('networks', () => {
  it.each([
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.0.0.0/8', '::ffff:10.0.0.1', true],
    ['192.168.1.128/25', '192.168.1.127', false],
    ['192.168.1.128/25', '192.168.1.128', true],
    ['0.0.0.0/0', '255.255.255.255', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['::/0', '1.2.3.4', true],
    ['fd00::/8', 'fdff::1', true],
    ['fd00::/8', 'fe00::1', false],
    ['2001:db8::/33', '2001:db8:7fff::', true],
    ['2001:db8::/33', '2001:db8:8000::', false],
    ['127.0.0.1', '127.0.0.1', true],
    ['127.0.0.1', '127.0.0.2', false],
  ])('%s holds %s: %s', (networkText, addressText, expected) => {
    const network = parseNetwork(networkText);
    const address = parseIp(addressText);
    expect(network && address && isInNetwork(address, network)).toBe(expected);
  });

  it.each([
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/08',
    '10.0.0.0/8/8',
    '::/129',
    'x/8',
    '/8',
    '10/8',
    '10.0.0.0/-1',
  ])('refuses %s', (text) => {
    expect(parseNetwork(text)).toBeNull();
  });

  it('trusts nobody for an empty list or an address that is none', () => {
    expect(isInNetworks('10.0.0.1', [])).toBe(false);
    expect(isInNetworks('', ['::/0'])).toBe(false);
    expect(isInNetworks('unknown', ['::/0'])).toBe(false);
    expect(isInNetworks('10.0.0.1', ['fd00::/8', '10.0.0.0/8'])).toBe(true);
  });
});
