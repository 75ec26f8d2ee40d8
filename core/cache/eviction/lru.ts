// Least recently used: what was not used for longest goes. One scan of new keys empties it of everything else.
import { Fifo } from './fifo.ts';

/** First in, first out, where whatever is used comes in anew. */
export class Lru extends Fifo {
  override access(slot: number): void {
    this.remove(slot);
    this.insert(slot);
  }
}
