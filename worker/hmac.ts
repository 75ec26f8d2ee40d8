// HMAC-SHA-256 (RFC 2104) under a secret text, as text.

/** Answers in base64url without padding: 43 characters. Makes its key with the first text. */
export function createHmac(secret: string): (text: string) => Promise<string> {
  let key: Awaited<ReturnType<typeof crypto.subtle.importKey>> | null = null;
  const encoder = new TextEncoder();
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  return async (text) => {
    // Two requests may both make it: no promise of one may be awaited by the other.
    key ??= await crypto.subtle.importKey('raw', encoder.encode(secret), algorithm, false, ['sign']);
    return base64url(new Uint8Array(await crypto.subtle.sign('HMAC', key, encoder.encode(text))));
  };
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '');
}
