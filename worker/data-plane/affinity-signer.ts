// Signs affinity cookies and remembers those that this isolate has verified or given: crypto.subtle costs more than all
// the rest of a choice, and a client sends the same cookie with every request.
import {
  type AffinityClaim,
  aliasOf,
  aliasText,
  readAffinity,
  sealedAffinity,
  unsignedAffinity,
} from '../../core/load-balancing/affinity.ts';
import { isSameText } from '../../core/same-text.ts';
import { createHmac } from '../hmac.ts';

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
  /** By pool and value. */
  const known = new Map<string, AffinityClaim>();

  const mac = createHmac(secret);
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
    if (read === null || !isSameText(read.mac, await mac(read.text))) return null;
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
