// Session affinity by a signed cookie: which backend a client belongs to, until when, and when it is to be told anew.
// The cookie's value is "1.ALIAS.EXPIRY.EPOCH.MAC", numbers in base 36, EXPIRY in epoch seconds. ALIAS stands for the
// backend's id and MAC signs all of it together with the pool's name, both HMAC-SHA-256 (RFC 2104), so that a client
// learns neither names nor addresses and cannot choose a backend. What fails to verify is as good as no cookie.

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

/** What to sign for a backend's alias, which is the same wherever the secret is. */
export function aliasText(pool: string, backend: string): string {
  return `roundel affinity alias\n${pool}\n${backend}`;
}

/** `mac`: of the text above, base64url without padding: 43 characters. */
export function aliasOf(mac: string): string {
  return mac.slice(0, ALIAS_CHARACTERS);
}

/** A cookie's value but for its MAC, and the text that the MAC is of. */
export interface UnsignedAffinity {
  readonly value: string;
  readonly text: string;
}

/** `expiresAt` is rounded up to whole seconds. */
export function unsignedAffinity(pool: string, claim: AffinityClaim): UnsignedAffinity {
  const expiry = Math.ceil(claim.expiresAt / 1_000);
  return unsigned(pool, `${claim.alias}.${expiry.toString(36)}.${claim.epoch.toString(36)}`);
}

/** The value of a cookie. */
export function sealedAffinity({ value }: UnsignedAffinity, mac: string): string {
  return `${value}.${mac}`;
}

/** What a cookie's value claims, and the text whose MAC it must bear; null for what has not its form. */
export function readAffinity(
  pool: string,
  value: string,
): { readonly claim: AffinityClaim; readonly text: string; readonly mac: string } | null {
  const [, alias = '', expiry = '', epoch = '', mac = ''] = VALUE.exec(value) ?? [];
  if (mac === '') return null;
  const { text } = unsigned(pool, `${alias}.${expiry}.${epoch}`);
  const expiresAt = Number.parseInt(expiry, 36) * 1_000;
  return { claim: { alias, expiresAt, epoch: Number.parseInt(epoch, 36) }, text, mac };
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

function unsigned(pool: string, claim: string): UnsignedAffinity {
  return { value: `1.${claim}`, text: `roundel affinity 1\n${pool}\n${claim}` };
}
