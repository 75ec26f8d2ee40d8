// Gives and checks explain tokens. Their key lies in the Telemetry object, which made it of chance: were it made of a
// configured secret, whoever gets a token could try secrets against it. An edge asks for the key when it sees its first
// token that could be one, and again when one does not verify, but no more than now and then: strangers send what they like.
import { readExplainToken, signedExplainToken, unsignedExplainToken } from '../core/explain-token.ts';
import { isSameText } from '../core/same-text.ts';
import { createHmac } from './hmac.ts';

export interface ExplainTokens {
  /** `expiresAt` in epoch ms. Rejects when the key is not to be had. */
  issue(expiresAt: number): Promise<string>;
  /** False also when the key is not to be had. */
  isValid(token: string): boolean | Promise<boolean>;
}

export interface ExplainTokenParts {
  now(): number;
  /** From the Telemetry object. Rejects when it does not answer in time. */
  fetchKey(): Promise<string>;
}

/** Between two questions for the key. */
const KEY_EVERY_MS = 5_000;
const REMEMBERED_MAX = 100;

export function createExplainTokens({ now, fetchKey }: ExplainTokenParts): ExplainTokens {
  let mac: ReturnType<typeof createHmac> | null = null;
  let keyOf = '';
  /** When the key was last asked for by someone who had one, or in vain. */
  let askedAt = Number.NEGATIVE_INFINITY;
  /** Tokens that verified, with their expiry: their bearer sends them again and again. */
  const known = new Map<string, number>();

  const take = (key: string): ReturnType<typeof createHmac> => {
    if (mac === null || key !== keyOf) {
      mac = createHmac(key);
      keyOf = key;
    }
    return mac;
  };
  /** Whether it may have changed anything. */
  const renew = async (): Promise<boolean> => {
    if (now() - askedAt < KEY_EVERY_MS) return false;
    // Who comes while nobody has it yet may ask as well.
    if (mac !== null) askedAt = now();
    try {
      take(await fetchKey());
      return true;
    } catch (error) {
      askedAt = now();
      console.warn(`Cannot check an explain token: ${String(error)}`);
      return false;
    }
  };
  const verify = async (token: string): Promise<boolean> => {
    const read = readExplainToken(token);
    if (read === null || read.expiresAt <= now()) return false;
    for (let isNew = mac !== null || (await renew()); isNew; isNew = await renew()) {
      if (mac === null || !isSameText(read.mac, await mac(read.text))) continue;
      if (known.size >= REMEMBERED_MAX) known.clear();
      known.set(token, read.expiresAt);
      return true;
    }
    return false;
  };

  return {
    async issue(expiresAt) {
      const unsigned = unsignedExplainToken(expiresAt);
      return signedExplainToken(unsigned, await take(await fetchKey())(unsigned.text));
    },
    isValid(token) {
      const expiresAt = known.get(token);
      return expiresAt === undefined ? verify(token) : expiresAt > now();
    },
  };
}
