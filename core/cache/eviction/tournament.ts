// Which of a fixed number of places has the least value: a tree of matches, each played again only when one of its
// players changed. Reading the winner is one step, a change log2 of the places, here seven.

export class Tournament {
  readonly #values: Float64Array;
  /** Winner of each match, the final first; the second half are the places themselves. */
  readonly #winners: Uint8Array;

  /** @param places a power of two, at most 256; all values begin at infinity */
  constructor(places: number) {
    this.#values = new Float64Array(places).fill(Number.POSITIVE_INFINITY);
    this.#winners = new Uint8Array(2 * places);
    for (let place = 0; place < places; place++) this.#winners[places + place] = place;
    for (let match = places - 1; match >= 1; match--)
      this.#winners[match] = this.#winners[2 * match] as number;
  }

  /** The place with the least value, the first of equals. */
  least(): number {
    return this.#winners[1] as number;
  }

  set(place: number, value: number): void {
    const values = this.#values;
    const winners = this.#winners;
    values[place] = value;
    for (let match = (values.length + place) >> 1; match >= 1; match >>= 1) {
      const left = winners[2 * match] as number;
      const right = winners[2 * match + 1] as number;
      winners[match] = (values[right] as number) < (values[left] as number) ? right : left;
    }
  }
}
