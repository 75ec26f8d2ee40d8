// Signs affinity cookies and remembers those that this isolate has verified or given: crypto.subtle costs more than all
// the rest of a choice, and a client sends the same cookie with every request.
import {
  type AffinityClaim,
  aliasOf,
  aliasText,
  isSameMac,
  readAffinity,
  sealedAffinity,
  unsignedAffinity,
} from '../../core/load-balancing/affinity.ts';

export interface AffinitySigner {
  /** What stands for the backend in cookies. */
  alias(pool: string, backend: string): Promise<string>;
  /** The value of a cookie. */
  seal(pool: string, claim: AffinityClaim): Promise<string>;
  /** null for what was not signed so; what is remembered is given at once. */
  open(pool: string, value: string): AffinityClaim | Promise<AffinityClaim | null>;
}

const REMEMBERED_MAX = 2_000;

/** null without a secret: nothing can be signed. */
export function createAffinitySigner(secret: string | undefined): AffinitySigner | null {
  if (!secret) return null;
  let key: Awaited<ReturnType<typeof crypto.subtle.importKey>> | null = null;
  /** By pool and value. */
  const known = new Map<string, AffinityClaim>();

  /** HMAC-SHA-256 under the secret, base64url. */
  const mac = async (text: string): Promise<string> => {
    const encoder = new TextEncoder();
    const algorithm = { name: 'HMAC', hash: 'SHA-256' };
    // Two requests may both make it: no promise of one may be awaited by the other.
    key ??= await crypto.subtle.importKey('raw', encoder.encode(secret), algorithm, false, ['sign']);
    return base64url(new Uint8Array(await crypto.subtle.sign('HMAC', key, encoder.encode(text))));
  };
  const remember = (pool: string, value: string, claim: AffinityClaim): void => {
    known.set(`${pool}\n${value}`, claim);
    if (known.size <= REMEMBERED_MAX) return;
    for (const oldest of known.keys()) {
      known.delete(oldest);
      break;
    }
  };
  const verify = async (pool: string, value: string): Promise<AffinityClaim | null> => {
    const read = readAffinity(pool, value);
    if (read === null || !isSameMac(read.mac, await mac(read.text))) return null;
    remember(pool, value, read.claim);
    return read.claim;
  };

  return {
    alias: async (pool, backend) => aliasOf(await mac(aliasText(pool, backend))),
    async seal(pool, claim) {
      const unsigned = unsignedAffinity(pool, claim);
      const value = sealedAffinity(unsigned, await mac(unsigned.text));
      remember(pool, value, claim);
      return value;
    },
    open: (pool, value) => known.get(`${pool}\n${value}`) ?? verify(pool, value),
  };
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '');
}
