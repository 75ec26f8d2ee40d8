// Which backend of a pool the client belongs to by its cookie, and the cookie that a response takes along. The cookie
// is this edge's own: it is taken off what origins and the cache see.
import type { Config } from '../../core/config/schema.ts';
import type { Fields } from '../../core/http/fields.ts';
import { cookieValue, withoutCookies } from '../../core/http/named-values.ts';
import { type HeldAffinity, isCookieDue, isCurrent } from '../../core/load-balancing/affinity.ts';
import type { Pinned } from '../../core/load-balancing/refusals.ts';
import type { AffinitySigner } from './affinity-signer.ts';
import type { RuntimeBackend, RuntimePool } from './pool-registry.ts';

export interface ClientAffinity {
  /** The pool that it is about. */
  readonly pool: RuntimePool;
  readonly signer: AffinitySigner;
  /** null for a client without a cookie that counts. */
  readonly held: HeldAffinity | null;
  readonly pinned: Pinned | null;
}

/** `received` as the client sent them. null where the pool has no affinity, or nothing can be signed. */
export async function clientAffinity(
  signer: AffinitySigner | null,
  pool: RuntimePool,
  received: Fields,
  nowMs: number,
): Promise<ClientAffinity | null> {
  const rules = pool.config.affinity;
  if (rules.type === 'none' || signer === null) return null;
  const value = cookieValue(received, rules.name);
  const claim = value === '' ? null : await signer.open(pool.name, value);
  if (claim === null || !isCurrent(claim, rules, nowMs)) return { pool, signer, held: null, pinned: null };
  const index = (await aliasesOf(signer, pool)).indexOf(claim.alias);
  if (index < 0) return { pool, signer, held: null, pinned: null };
  const { expiresAt } = claim;
  const pinned = { index, exclusive: rules.onUnavailable === 'none' };
  return { pool, signer, held: { index, expiresAt }, pinned };
}

/** A Set-Cookie line for a response of `backend`; null when the client keeps what it has. */
export async function affinityCookie(
  { pool, signer, held }: ClientAffinity,
  backend: RuntimeBackend,
  isSecure: boolean,
  nowMs: number,
): Promise<string | null> {
  const { affinity: rules, backends } = pool.config;
  const index = pool.backends.indexOf(backend);
  if (index < 0 || !isCookieDue(held, index, backends, rules, nowMs)) return null;
  const alias = (await aliasesOf(signer, pool))[index];
  if (alias === undefined) throw new Error(`Cannot pin a client: backend "${backend.id}" has no alias`);
  const { name, ttlSeconds, epoch } = rules;
  const value = await signer.seal(pool.name, { alias, expiresAt: nowMs + ttlSeconds * 1_000, epoch });
  const secure = isSecure ? '; Secure' : '';
  return `${name}=${value}; Path=/; Max-Age=${ttlSeconds}; HttpOnly; SameSite=Lax${secure}`;
}

const aliases = new WeakMap<RuntimePool, readonly string[]>();

/** By backend index; made once for a version of the pool. */
async function aliasesOf(signer: AffinitySigner, pool: RuntimePool): Promise<readonly string[]> {
  let made = aliases.get(pool);
  if (!made) {
    made = await Promise.all(pool.backends.map(({ id }) => signer.alias(pool.name, id)));
    aliases.set(pool, made);
  }
  return made;
}

const cookieNames = new WeakMap<Config, ReadonlySet<string>>();

/** The same fields without the cookies of any pool's affinity. O(fields); nothing where no pool has any. */
export function withoutAffinityCookies(config: Config, fields: Fields): Fields {
  let names = cookieNames.get(config);
  if (!names) {
    const all = Object.values(config.pools).flatMap(({ affinity }) =>
      affinity.type === 'cookie' ? [affinity.name] : [],
    );
    names = new Set(all);
    cookieNames.set(config, names);
  }
  return names.size === 0 ? fields : withoutCookies(fields, names);
}
