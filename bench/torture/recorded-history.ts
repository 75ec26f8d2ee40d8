// What clients saw, in the order of real time, as lines that `npm run linearize` reads.

export type Outcome = 'ok' | 'fail' | 'info';

export class RecordedHistory {
  readonly #lines: string[] = [];
  #processes = 0;

  /** A process that does not know how its operation ended is never heard of again (as Jepsen has it). */
  newProcess(): number {
    return this.#processes++;
  }

  /** `value`: what is written, or was read; null: nothing. */
  add(process: number, type: 'invoke' | Outcome, f: 'put' | 'get', key: string, value: string | null): void {
    const text = value === null ? 'nil' : JSON.stringify(value);
    this.#lines.push(
      `{:process ${process}, :type :${type}, :f :${f}, :key ${JSON.stringify(key)}, :value ${text}}`,
    );
  }

  get events(): number {
    return this.#lines.length;
  }

  text(): string {
    return `${this.#lines.join('\n')}\n`;
  }
}
