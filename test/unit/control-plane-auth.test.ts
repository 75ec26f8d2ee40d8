// Who a token is: every role that has its secret, nobody else, and nobody at all while there is no admin token.
import { describe, expect, it } from 'vitest';
import { type Role, roleFor, rolesOf, type Secrets } from '../../worker/control-plane/auth.ts';

const SECRETS: Secrets = {
  ROUNDEL_ADMIN_TOKEN: 'admin-secret',
  ROUNDEL_PURGE_TOKEN: 'shared-secret',
  ROUNDEL_READ_TOKEN: 'shared-secret',
};

async function roles(authorization: string | null, secrets: Secrets = SECRETS): Promise<Role[] | string> {
  const headers = new Headers(authorization === null ? {} : { authorization });
  try {
    return [...(await rolesOf(new Request('http://edge/', { headers }), secrets))];
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe('a bearer token', () => {
  it('has the role whose secret it is, or all of them', async () => {
    expect(await roles('Bearer admin-secret')).toEqual(['admin']);
    expect(await roles('bearer  admin-secret ')).toEqual(['admin']);
    expect(await roles('Bearer shared-secret')).toEqual(['purge', 'read']);
  });

  it.each([
    null,
    '',
    'Bearer',
    'Bearer ',
    'Bearer undefined',
    'admin-secret',
    'Basic admin-secret',
    'Bearer Admin-secret',
    'Bearer admin-secret x',
    'Bearer admin-secre',
    'Bearer admin-secret1',
  ])('is nobody when sent as %j', async (authorization) => {
    expect(await roles(authorization)).toBe('unauthorized');
  });

  it('is compared whole: of 2,000 wrong ones none has a role', async () => {
    // A comparison of one byte of the digests would let 1 of 256 pass: 2,000 fail to show it with (255/256)^2000 = 0.04 %.
    const wrong = await Promise.all(Array.from({ length: 2_000 }, (_, i) => roles(`Bearer wrong-${i}`)));
    expect(new Set(wrong)).toEqual(new Set(['unauthorized']));
  });

  it('opens nothing without an admin token, not even to the other roles', async () => {
    for (const secrets of [{}, { ...SECRETS, ROUNDEL_ADMIN_TOKEN: '' }]) {
      expect(await roles('Bearer shared-secret', secrets)).toBe('control-plane-closed');
      expect(await roles('Bearer ', secrets)).toBe('control-plane-closed');
    }
  });
});

describe('a call', () => {
  it('is open to admin, to the roles it names, or to any', () => {
    expect(roleFor(new Set(['admin']), [], 'try')).toBe('admin');
    expect(roleFor(new Set(['purge', 'read']), ['read'], 'try')).toBe('read');
    expect(roleFor(new Set(['kv']), 'any-token', 'try')).toBe('kv');
    expect(() => roleFor(new Set(['purge', 'read']), ['kv'], 'PUT a key')).toThrow(
      'Cannot PUT a key: needs a token of the role "admin" or "kv", this one has "purge" and "read"',
    );
  });
});
