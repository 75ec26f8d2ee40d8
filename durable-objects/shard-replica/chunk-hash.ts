// Chunks are found by their content, so whoever takes one in makes sure that it is what its name says.

/** Whether the SHA-256 of the bytes, in hex, is `hash`. O(bytes). */
export async function hasHash(bytes: Uint8Array, hash: string): Promise<boolean> {
  const digest = await crypto.subtle.digest('SHA-256', bytes);
  return hex(new Uint8Array(digest)) === hash;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
