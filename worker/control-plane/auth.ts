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

/** Of the secrets, which seldom change: once for an isolate. */
const secretDigests = new Map<string, Uint8Array>();

async function digestOfSecret(secret: string): Promise<Uint8Array> {
  let known = secretDigests.get(secret);
  if (known === undefined) {
    known = await digest(secret);
    secretDigests.set(secret, known);
  }
  return known;
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

/** The roles that the request's token has, at least one. Throws 503 when closed, 401 without a known token. */
export async function rolesOf(request: Request, secrets: Secrets): Promise<ReadonlySet<Role>> {
  if (!secrets.ROUNDEL_ADMIN_TOKEN) {
    throw new Problem(
      'control-plane-closed',
      'Cannot answer: the secret ROUNDEL_ADMIN_TOKEN is not set, and the control plane is never open without it',
    );
  }
  const token = bearerToken(request.headers.get('authorization'));
  const roles = new Set<Role>();
  if (token !== null) {
    const given = await digest(token);
    for (const role of ROLES) {
      const secret = secrets[SECRETS[role]];
      if (secret && equalDigests(given, await digestOfSecret(secret))) roles.add(role);
    }
  }
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
