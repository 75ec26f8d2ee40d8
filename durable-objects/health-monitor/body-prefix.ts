// The beginning of a body, as much of it as a probe looks at.

/** More of a body than this is neither kept nor waited for. */
const BODY_BYTES_MAX = 65_536;

export class BodyPrefix {
  readonly #pieces: Uint8Array[] = [];
  #bytes = 0;

  get isFull(): boolean {
    return this.#bytes === BODY_BYTES_MAX;
  }

  /** Keeps what still fits. */
  add(piece: Uint8Array): void {
    const kept = piece.subarray(0, BODY_BYTES_MAX - this.#bytes);
    this.#pieces.push(kept);
    this.#bytes += kept.byteLength;
  }

  /** As UTF-8; what is none reads as U+FFFD. */
  text(): string {
    const decoder = new TextDecoder();
    return this.#pieces.map((piece) => decoder.decode(piece, { stream: true })).join('') + decoder.decode();
  }
}
