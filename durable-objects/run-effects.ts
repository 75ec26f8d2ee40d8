// Carries out what the core's steps ask for: one event is one step, its writes are one transaction, then its sends and
// replies go out in order, held back by the runtime's output gate until the transaction is durable. No decision of
// the protocol is made here: what a call answers, or that it failed, is the next event.
import type { BoundNews } from '../core/replication/bound.ts';
import type { Effect } from '../core/replication/effects.ts';
import type { ReplicaLimits } from '../core/replication/limits.ts';
import {
  ANSWERS,
  type ClientAnswer,
  type ClientRequest,
  type Message,
  type ReplicaEvent,
  type TimerName,
} from '../core/replication/messages.ts';
import { createReplica, type ReplicaState, step } from '../core/replication/replica.ts';
import type { ReplicaStore, Write } from '../core/replication/store.ts';

export interface WritableStore extends ReplicaStore {
  /** Inside the transaction of the step. */
  write(writes: readonly Write[]): void;
}

export interface ReplicaSurroundings {
  now(): number;
  /** Unlike that of any other life of this object. */
  readonly nonce: string;
  readonly storage: {
    transactionSync(body: () => void): void;
    setAlarm(atMs: number): Promise<void>;
    deleteAlarm(): Promise<void>;
  };
  /** Calls the member `message.to`; null when it had nothing to say. */
  deliver(message: Message): Promise<Message | null>;
  /** Something that people should hear of; never throws. */
  tell(name: string, subject: string, detail: Readonly<Record<string, number>>): void;
  /** The storage is not the one that the member votes with: it takes a new incarnation, and the object starts anew. */
  lose(): void;
  /** The state in memory can no longer be trusted: the object must start anew. */
  fail(error: unknown): void;
}

export type Ask =
  | { readonly type: 'answered'; readonly answer: ClientAnswer }
  /** Nothing was heard in time: a command may or may not take effect. */
  | { readonly type: 'timed-out' };

type Callback = (ask: Ask) => void;

interface Waiting {
  readonly callback: Callback;
  readonly deadlineAt: number;
}

const TIMED_OUT: Ask = { type: 'timed-out' };

/** How long a caller is kept waiting; the same for all, so those asked first run out first. */
export const ASK_TIMEOUT_MS = 5_000;

/**
 * Entries in flight. Each costs three objects a transaction and two of them a call, so fewer and fuller ones carry more
 * commands; two keep one on its way while the next fills.
 */
const WINDOW_MAX = 2;

export class RunningReplica {
  readonly state: ReplicaState;
  readonly #store: WritableStore;
  readonly #around: ReplicaSurroundings;
  readonly #events: ReplicaEvent[] = [];
  readonly #waiting = new Map<number, Waiting>();
  readonly #timers = new Map<TimerName, ReturnType<typeof setTimeout>>();
  #isRunning = false;
  #lastId = 0;
  #expiryTimer: ReturnType<typeof setTimeout> | null = null;
  /** While a delivered message is an event: who sent it, and what goes back on the same call. */
  #answering: { readonly to: number; answer: Message | null } | null = null;

  /** The store must hold an identity. @param limits where they are not the usual ones, equal on all members */
  constructor(store: WritableStore, around: ReplicaSurroundings, limits: Partial<ReplicaLimits> = {}) {
    this.#store = store;
    this.#around = around;
    this.state = createReplica(store, { windowMax: WINDOW_MAX, ...limits });
    this.#dispatch({ type: 'boot', nonce: around.nonce });
  }

  /** A message from another member; its answer, where it has one, is ready when this returns. */
  receive(message: Message): Message | null {
    const answering = { to: message.from, answer: null };
    this.#answering = answering;
    try {
      this.#dispatch({ type: 'message', message });
    } finally {
      this.#answering = null;
    }
    return answering.answer;
  }

  ask(request: ClientRequest): Promise<Ask> {
    return new Promise((resolve) => this.askThen(request, resolve));
  }

  /**
   * `callback` hears exactly once: in this very turn where the answer is known at once, and then whatever it asks in
   * its turn is answered before anything else can happen to the replica. It must not throw.
   */
  askThen(request: ClientRequest, callback: Callback): void {
    const id = this.#await(callback);
    this.#dispatch({ type: 'client', id, request });
    this.#armExpiry();
  }

  /** Several that came in one call: one step, and commands share a log entry where they fit. As `askThen` for each. */
  askEach(asks: readonly { readonly request: ClientRequest; readonly callback: Callback }[]): void {
    const nowMs = this.#around.now();
    const clients = asks.map(({ request, callback }) => ({ id: this.#await(callback, nowMs), request }));
    this.#dispatch({ type: 'clients', clients });
    this.#armExpiry();
  }

  /** The same; resolves when all have answered. */
  askAll(requests: readonly ClientRequest[]): Promise<Ask[]> {
    const answers: Promise<Ask>[] = [];
    this.askEach(
      requests.map((request) => {
        let callback: Callback = () => {};
        answers.push(
          new Promise((resolve) => {
            callback = resolve;
          }),
        );
        return { request, callback };
      }),
    );
    return Promise.all(answers);
  }

  /** A caller got no answer from the primary of this view. */
  suspect(view: number): void {
    this.askThen({ type: 'suspect', view }, () => {});
  }

  /** A caller knows this of the configured staleness bound. Costs nothing where it is no news. */
  hearBound({ boundMs, since }: BoundNews): void {
    if (since > this.state.head.boundSince) this.askThen({ type: 'bound', boundMs, since }, () => {});
  }

  alarm(): void {
    this.#dispatch({ type: 'alarm' });
  }

  #await(callback: Callback, nowMs = this.#around.now()): number {
    this.#lastId += 1;
    this.#waiting.set(this.#lastId, { callback, deadlineAt: nowMs + ASK_TIMEOUT_MS });
    return this.#lastId;
  }

  /** Steps never nest: what a reply's receiver asks for comes next, in the same turn. */
  #dispatch(event: ReplicaEvent): void {
    this.#events.push(event);
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
        const effects = step(this.state, this.#store, next, this.#around.now());
        for (const effect of effects) this.#run(effect);
      }
    } catch (error) {
      this.#around.fail(error);
      throw error;
    } finally {
      this.#isRunning = false;
    }
  }

  #run(effect: Effect): void {
    switch (effect.type) {
      case 'persist':
        this.#around.storage.transactionSync(() => this.#store.write(effect.writes));
        break;
      case 'send':
        this.#send(effect.message);
        break;
      case 'reply':
        this.#reply(effect.id, { type: 'answered', answer: effect.answer });
        break;
      case 'event':
        this.#around.tell(effect.name, effect.subject, effect.detail);
        break;
      case 'lost':
        this.#around.lose();
        break;
      case 'setTimer':
        this.#setTimer(effect.name, effect.afterMs);
        break;
      case 'setAlarm':
        this.#setAlarm(effect.atMs);
        break;
      default:
        effect satisfies never;
    }
  }

  #send(message: Message): void {
    if (this.#answering?.to === message.to && ANSWERS.has(message.body.type)) {
      this.#answering.answer = message;
      return;
    }
    const isOver = this.#around.deliver(message).then(
      (answer) => {
        if (answer !== null) this.#dispatch({ type: 'message', message: answer });
      },
      () => this.#dispatch({ type: 'sendFailed', message }),
    );
    // A step that throws has told `fail` already.
    isOver.catch(() => {});
  }

  #reply(id: number, ask: Ask): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (this.#waiting.size === 0 && this.#expiryTimer !== null) {
      // A timer keeps the object awake.
      clearTimeout(this.#expiryTimer);
      this.#expiryTimer = null;
    }
    waiting?.callback(ask);
  }

  #setTimer(name: TimerName, afterMs: number | null): void {
    const armed = this.#timers.get(name);
    if (armed !== undefined) clearTimeout(armed);
    this.#timers.delete(name);
    if (afterMs === null) return;
    const timer = setTimeout(() => {
      this.#timers.delete(name);
      this.#dispatch({ type: 'timer', name });
    }, afterMs);
    this.#timers.set(name, timer);
  }

  #setAlarm(atMs: number | null): void {
    const { storage } = this.#around;
    const done = atMs === null ? storage.deleteAlarm() : storage.setAlarm(atMs);
    done.catch((error: unknown) => this.#around.fail(error));
  }

  /** One timer for all that wait; none while nobody does. */
  #armExpiry(): void {
    const first = this.#waiting.values().next().value;
    if (this.#expiryTimer !== null || first === undefined) return;
    const afterMs = Math.max(0, first.deadlineAt - this.#around.now());
    this.#expiryTimer = setTimeout(() => {
      this.#expiryTimer = null;
      const nowMs = this.#around.now();
      for (const [id, { deadlineAt }] of this.#waiting) {
        if (deadlineAt > nowMs) break;
        this.#reply(id, TIMED_OUT);
      }
      this.#armExpiry();
    }, afterMs);
  }
}
