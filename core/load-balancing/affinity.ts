// Session affinity by a signed cookie: which backend a client belongs to, until when, and when it is to be told anew.
// The cookie's value is "1.ALIAS.EXPIRY.EPOCH.MAC", numbers in base 36, EXPIRY in epoch seconds. ALIAS stands for the
// backend's id and MAC signs all of it together with the pool's name, both HMAC-SHA-256 (RFC 2104), so that a client
// learns neither names nor addresses and cannot choose a backend. What fails to verify is as good as no cookie.

/** HMAC-SHA-256 of the text under the edge's secret, base64url without padding: 43 characters. */
export type Mac = (text: string) => Promise<string>;

export interface AffinityRules {
  readonly ttlSeconds: number;
  readonly onUnavailable: 'temporary' | 'sticky' | 'none';
  /** Cookies of another one count for nothing. */
  readonly epoch: number;
}

/** What a cookie says. */
export interface AffinityClaim {
  readonly alias: string;
  /** Epoch ms. */
  readonly expiresAt: number;
  readonly epoch: number;
}

const VALUE = /^1\.([\w-]{16})\.([0-9a-z]{1,8})\.([0-9a-z]{1,11})\.([\w-]{43})$/;
/** 96 bits: an alias is found by chance as seldom as a forged signature matters. */
const ALIAS_CHARACTERS = 16;

/** The same wherever the secret is the same. */
export async function affinityAlias(pool: string, backend: string, mac: Mac): Promise<string> {
  return (await mac(`roundel affinity alias\n${pool}\n${backend}`)).slice(0, ALIAS_CHARACTERS);
}

/** The value of a cookie. `expiresAt` is rounded up to whole seconds. */
export async function sealAffinity(pool: string, claim: AffinityClaim, mac: Mac): Promise<string> {
  const expiry = Math.ceil(claim.expiresAt / 1_000);
  const signed = `${claim.alias}.${expiry.toString(36)}.${claim.epoch.toString(36)}`;
  return `1.${signed}.${await signatureOf(pool, signed, mac)}`;
}

/** null for what this secret has not signed for this pool. Expiry and epoch are the caller's to judge. */
export async function openAffinity(pool: string, value: string, mac: Mac): Promise<AffinityClaim | null> {
  const [, alias = '', expiry = '', epoch = '', given = ''] = VALUE.exec(value) ?? [];
  if (given === '') return null;
  const signature = await signatureOf(pool, `${alias}.${expiry}.${epoch}`, mac);
  if (!isEqual(given, signature)) return null;
  return { alias, expiresAt: Number.parseInt(expiry, 36) * 1_000, epoch: Number.parseInt(epoch, 36) };
}

/** Whether the claim still counts. */
export function isCurrent({ expiresAt, epoch }: AffinityClaim, rules: AffinityRules, nowMs: number): boolean {
  return epoch === rules.epoch && expiresAt > nowMs;
}

/** The backend of a client's cookie. */
export interface HeldAffinity {
  readonly index: number;
  readonly expiresAt: number;
}

/**
 * Whether a response from backend `served` takes a new cookie along. A cookie that is good is renewed in the second
 * half of its life, except at a draining backend, whose clients are meant to get fewer. Clients of a backend that
 * takes nobody any more are pinned anew, others only by `sticky`. O(1).
 */
export function isCookieDue(
  held: HeldAffinity | null,
  served: number,
  backends: readonly { readonly state: 'active' | 'draining' | 'disabled'; readonly weight: number }[],
  rules: AffinityRules,
  nowMs: number,
): boolean {
  const own = held && backends[held.index];
  if (!own) return true;
  if (held.index === served) return own.state === 'active' && held.expiresAt - nowMs < rules.ttlSeconds * 500;
  return rules.onUnavailable === 'sticky' || own.state === 'disabled' || own.weight === 0;
}

function signatureOf(pool: string, signed: string, mac: Mac): Promise<string> {
  return mac(`roundel affinity 1\n${pool}\n${signed}`);
}

/** In constant time: both have 43 characters. */
function isEqual(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return difference === 0;
}
