// Who may call: bearer tokens by role. Compared as SHA-256 digests in constant time, against every role that has a
// secret, so that neither length nor first difference nor the order of roles shows in the time it takes.
import { Problem } from './problem.ts';

export type Role = 'admin' | 'purge' | 'kv' | 'read';

const SECRETS = {
  admin: 'ROUNDEL_ADMIN_TOKEN',
  purge: 'ROUNDEL_PURGE_TOKEN',
  kv: 'ROUNDEL_KV_TOKEN',
  read: 'ROUNDEL_READ_TOKEN',
} as const satisfies Record<Role, string>;

/** Of the Worker's bindings; a role without one has nobody. */
export type Secrets = { readonly [Name in (typeof SECRETS)[Role]]?: string };

const ROLES = Object.keys(SECRETS) as Role[];

async function digest(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
}

/** Equal-length byte strings; looks at every byte. */
function equalDigests(a: Uint8Array, b: Uint8Array): boolean {
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}

/** RFC 6750 §2.1; null when there is no such field or it has another form. */
function bearerToken(authorization: string | null): string | null {
  return /^bearer +([\x21-\x7e]+) *$/i.exec(authorization ?? '')?.[1] ?? null;
}

const NOBODY: ReadonlySet<Role> = new Set();

/**
 * Tokens that were compared and are good, so that each is digested once. At most as many as there are secrets: what is
 * not known leaves nothing here, and is told from what is by a seeded hash of all of it.
 */
const goodTokens = new WeakMap<Secrets, Map<string, ReadonlySet<Role>>>();

async function rolesOfToken(token: string, secrets: Secrets): Promise<ReadonlySet<Role>> {
  let good = goodTokens.get(secrets);
  if (good === undefined) {
    good = new Map();
    goodTokens.set(secrets, good);
  }
  const known = good.get(token);
  if (known !== undefined) return known;
  const roles = new Set<Role>();
  const given = await digest(token);
  for (const role of ROLES) {
    const secret = secrets[SECRETS[role]];
    if (secret && equalDigests(given, await digest(secret))) roles.add(role);
  }
  if (roles.size > 0) good.set(token, roles);
  return roles;
}

/** The roles that the request's token has, at least one. Throws 503 when closed, 401 without a known token. */
export async function rolesOf(request: Request, secrets: Secrets): Promise<ReadonlySet<Role>> {
  if (!secrets.ROUNDEL_ADMIN_TOKEN) {
    throw new Problem(
      'control-plane-closed',
      'Cannot answer: the secret ROUNDEL_ADMIN_TOKEN is not set, and the control plane is never open without it',
    );
  }
  const token = bearerToken(request.headers.get('authorization'));
  const roles = token === null ? NOBODY : await rolesOfToken(token, secrets);
  if (roles.size > 0) return roles;
  throw new Problem(
    'unauthorized',
    token === null ? 'Send "Authorization: Bearer TOKEN"' : 'The bearer token is not known',
    {
      headers: {
        'www-authenticate': `Bearer realm="roundel"${token === null ? '' : ', error="invalid_token"'}`,
      },
    },
  );
}

/** The role under which the call is made. Throws 403 when none of them may. */
export function roleFor(
  roles: ReadonlySet<Role>,
  allowed: readonly Role[] | 'any-token',
  what: string,
): Role {
  for (const role of ROLES) {
    if (roles.has(role) && (role === 'admin' || allowed === 'any-token' || allowed.includes(role)))
      return role;
  }
  const needed = ['admin', ...allowed].map((role) => `"${role}"`).join(' or ');
  const has = [...roles].map((role) => `"${role}"`).join(' and ');
  throw new Problem('forbidden', `Cannot ${what}: needs a token of the role ${needed}, this one has ${has}`);
}
