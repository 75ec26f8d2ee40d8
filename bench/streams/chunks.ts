// So many bytes, piece by piece: never all of them at once.

const CHUNK = Buffer.alloc(65_536, 'x');

export function* chunks(bytes: number): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= CHUNK.length) {
    yield left < CHUNK.length ? CHUNK.subarray(0, left) : CHUNK;
  }
}
