// A token that has one request of its bearer explained: "1.EXPIRY.MAC", EXPIRY in epoch seconds, base 36. It grants
// nothing else: reading the explanation needs the role `read`, as asking for the token did.

const TOKEN = /^1\.([0-9a-z]{1,8})\.([\w-]{43})$/;

/** What the MAC (HMAC-SHA-256, base64url without padding) of a token is of. */
function textOf(expiry: string): string {
  return `roundel explain 1\n${expiry}`;
}

/** `expiresAt` (epoch ms) is rounded up to whole seconds. */
export function unsignedExplainToken(expiresAt: number): { readonly value: string; readonly text: string } {
  const expiry = Math.ceil(expiresAt / 1_000).toString(36);
  return { value: `1.${expiry}`, text: textOf(expiry) };
}

export function signedExplainToken({ value }: { readonly value: string }, mac: string): string {
  return `${value}.${mac}`;
}

/** When it expires (epoch ms), if its MAC is that of the text; null for what has not the form of a token. */
export function readExplainToken(
  token: string,
): { readonly expiresAt: number; readonly text: string; readonly mac: string } | null {
  const [, expiry = '', mac = ''] = TOKEN.exec(token) ?? [];
  if (mac === '') return null;
  return { expiresAt: Number.parseInt(expiry, 36) * 1_000, text: textOf(expiry), mac };
}
