// How an object becomes a member: it writes a random nonce, the Directory records that, and only then does it have an
// identity to vote with. Another nonce on record means that this storage replaced one that was lost: such an object
// never speaks for the member it once was.
import type { BirthAnswer, DirectoryRpc } from '../interfaces/directory.ts';
import type { MemberAddress } from '../interfaces/shard-replica.ts';
import type { SqliteStore } from '../storage/sqlite-store.ts';
import { within } from '../within.ts';
import type { BirthRecord } from './birth-record.ts';

export type BirthOutcome =
  | 'born'
  /** The storage of an earlier life is gone; final for this one. */
  | 'lost'
  /** The Directory did not answer, or knows no such member (yet). */
  | 'unborn';

export interface BirthSurroundings {
  now(): number;
  directory(): Pick<DirectoryRpc, 'registerBirth'>;
  /** Whether this object is the one that goes by the name. */
  isNamed(name: string): boolean;
  transaction(body: () => void): void;
}

const ANSWER_TIMEOUT_MS = 3_000;
/** After a failure callers are turned away for so long without asking the Directory again. */
const RETRY_AFTER_MS = 250;

export class Birth {
  readonly #record: BirthRecord;
  readonly #store: SqliteStore;
  readonly #around: BirthSurroundings;
  #running: Promise<BirthOutcome> | null = null;
  #isLost = false;
  #retryAt = Number.NEGATIVE_INFINITY;

  constructor(record: BirthRecord, store: SqliteStore, around: BirthSurroundings) {
    this.#record = record;
    this.#store = store;
    this.#around = around;
  }

  /** One attempt at a time, whoever asks. Throws when the caller means another object than this one. */
  attempt(to: MemberAddress): Promise<BirthOutcome> {
    if (!this.#around.isNamed(to.name)) {
      return Promise.reject(new Error(`Cannot be born as "${to.name}": that is another object's name`));
    }
    if (this.#isLost) return Promise.resolve('lost');
    if (this.#running === null && this.#around.now() < this.#retryAt) return Promise.resolve('unborn');
    this.#running ??= this.#register(to).finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #register({ shard, member, name }: MemberAddress): Promise<BirthOutcome> {
    // Durable before the Directory hears of it: the output gate holds the call back until then.
    const nonce = this.#record.nonce();
    const answer = await this.#ask(shard, member, nonce, name);
    switch (answer?.type) {
      case 'born': {
        const { groupId, incarnation, epoch, members, boundMs } = answer;
        const memberCount = members.length;
        const identity = { groupId, shard, memberId: member, memberCount, incarnation, epoch };
        this.#around.transaction(() => {
          this.#record.keep({ members, boundMs });
          this.#store.write([{ type: 'identity', identity }]);
        });
        return 'born';
      }
      case 'lost':
        this.#isLost = true;
        return 'lost';
      case 'unknown-member':
      case undefined:
        this.#retryAt = this.#around.now() + RETRY_AFTER_MS;
        return 'unborn';
    }
  }

  async #ask(shard: number, member: number, nonce: string, name: string): Promise<BirthAnswer | null> {
    try {
      const answer = this.#around.directory().registerBirth(shard, member, nonce, name);
      return await within(ANSWER_TIMEOUT_MS, answer);
    } catch (error) {
      console.warn(`Cannot register the birth of "${name}": ${String(error)}`);
      return null;
    }
  }
}
