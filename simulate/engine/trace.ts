// What a run did, as one hash that is the same for the same seed, and on request as lines to read.

export class Trace {
  private a = 0x9e3779b9;
  private b = 0x243f6a88;
  /** Hears every line; null: nobody asks, and no line is made. */
  readonly print: ((line: string) => void) | null;

  constructor(print: ((line: string) => void) | null = null) {
    this.print = print;
  }

  /** O(1). */
  mix(word: number): void {
    this.a = Math.imul(this.a ^ word, 0x9e3779b1);
    this.b = Math.imul(this.b ^ word, 0x5f356495);
    this.a ^= this.b >>> 15;
    this.b ^= this.a >>> 13;
  }

  mixText(text: string): void {
    for (let i = 0; i < text.length; i++) this.mix(text.charCodeAt(i));
  }

  /** 16 hex digits. */
  get hash(): string {
    const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, '0');
    return hex(this.a) + hex(this.b);
  }
}
