// How an object becomes a member: it writes a random nonce, the Directory records that, and only then does it have an
// identity to vote with. Another nonce on record means that this storage has replaced one that was lost: the Directory
// counts the incarnation up, and the member does not vote before its group has readmitted it (core/replication).
import type { BirthAnswer, DirectoryRpc } from '../interfaces/directory.ts';
import type { MemberAddress } from '../interfaces/shard-replica.ts';
import type { SqliteStore } from '../storage/sqlite-store.ts';
import { within } from '../within.ts';
import type { BirthRecord } from './birth-record.ts';

export type BirthOutcome =
  | { readonly type: 'born'; readonly incarnation: number }
  /** The Directory did not answer, or knows no such member (yet). */
  | { readonly type: 'unborn' };

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

const UNBORN: BirthOutcome = { type: 'unborn' };

export class Birth {
  readonly #record: BirthRecord;
  readonly #store: SqliteStore;
  readonly #around: BirthSurroundings;
  #running: Promise<BirthOutcome> | null = null;
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
    if (this.#running === null && this.#around.now() < this.#retryAt) return Promise.resolve(UNBORN);
    this.#running ??= this.#register(to).finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #register({ shard, member, name }: MemberAddress): Promise<BirthOutcome> {
    // Durable before the Directory hears of it: the output gate holds the call back until then.
    const nonce = this.#record.nonce();
    const answer = await this.#ask(shard, member, nonce, name);
    if (answer?.type === 'born') {
      const { groupId, incarnation, epoch, members } = answer;
      const memberCount = members.length;
      const identity = { groupId, shard, memberId: member, memberCount, incarnation, epoch };
      this.#around.transaction(() => {
        this.#record.keep(members);
        this.#store.write([{ type: 'identity', identity }]);
      });
      return { type: 'born', incarnation };
    }
    // An earlier storage's nonce: this one was set back to before its member was lost. With a new one it may ask again.
    if (answer?.type === 'superseded') this.#around.transaction(() => this.#record.renew());
    this.#retryAt = this.#around.now() + RETRY_AFTER_MS;
    return UNBORN;
  }

  async #ask(shard: number, member: number, nonce: string, name: string): Promise<BirthAnswer | null> {
    try {
      const answer = this.#around.directory().registerBirth(shard, member, nonce, name, true);
      return await within(ANSWER_TIMEOUT_MS, answer);
    } catch (error) {
      console.warn(`Cannot register the birth of "${name}": ${String(error)}`);
      return null;
    }
  }
}
