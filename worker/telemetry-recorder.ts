// Counts in isolate memory, handed to the Telemetry object about a second later by one request's waitUntil. No
// promise is shared between requests: who leads is a plain flag that expires, since a leader may be cancelled.
import type {
  CounterKey,
  KeptExplanation,
  NewEvent,
  ShardWork,
  TelemetryBatch,
  TelemetryRpc,
} from '../durable-objects/interfaces/telemetry.ts';
import type { RequestRecord, TelemetryRecorder } from './edge.ts';

/** From the first thing counted to the hand-over. */
const FLUSH_AFTER_MS = 1_000;
/** A leader that has not handed over by now is gone. */
const LEADER_LIFE_MS = 2_000;
const SEND_TIMEOUT_MS = 5_000;
/** Waits between tries of one leader; after the last, the next request's leader goes on with the same batch. */
const RETRY_AFTER_MS = [250, 500, 1_000, 2_000];

/** Distinct counters of an isolate between two batches; what comes later is counted under OTHER. */
const COUNTERS_MAX = 2_000;
/** Durations kept of one counter in one second: a uniform sample of all (Vitter 1985, algorithm R). */
const DURATIONS_MAX = 32;
const EVENTS_MAX = 1_000;
/** Between two batches: explanations that were asked for, and samples. */
const EXPLANATIONS_MAX = { token: 200, sample: 10 } as const;
const NO_WORK: ShardWork = { operations: 0, objectCalls: 0, rowsWritten: 0 };
const OTHER = '(other)';

interface Counter {
  readonly key: CounterKey;
  /** The first that it counted: of the like it counts all. */
  readonly kind: Omit<RequestRecord, 'endedAt' | 'durationMs'>;
  readonly second: number;
  count: number;
  readonly durationsMs: number[];
}

export interface TelemetryRecorderParts {
  readonly telemetryObject: () => TelemetryRpc;
  readonly isolateId: string;
  readonly now: () => number;
  /** Uniform in [0, 1). */
  readonly random: { next(): number };
  /** In ms; the runtime's timer unless a test brings its own. */
  readonly wait?: (afterMs: number) => Promise<void>;
}

export function createTelemetryRecorder(parts: TelemetryRecorderParts): TelemetryRecorder {
  const { telemetryObject, isolateId, now, random } = parts;
  const wait = parts.wait ?? ((afterMs) => new Promise<void>((resolve) => setTimeout(resolve, afterMs)));

  let counters = new Map<string, Counter>();
  /** Of them, the one that counted last. */
  let last: Counter | null = null;
  let events: NewEvent[] = [];
  let work: ShardWork = NO_WORK;
  let eventsDropped = 0;
  let explanations: KeptExplanation[] = [];
  let sequence = 0;
  /** Sent and not acknowledged: nothing newer leaves before it, so that one running number tells repeats. */
  let unacknowledged: TelemetryBatch | null = null;
  let leaderUntil = 0;
  let leaders = 0;

  function count(record: RequestRecord): void {
    const second = Math.floor(record.endedAt / 1000);
    // Many of one kind come after one another: for those no name is made.
    const counter =
      last !== null && last.second === second && isOfKind(last.kind, record)
        ? last
        : counterOf(record, second);
    last = counter;
    counter.count++;
    if (counter.durationsMs.length < DURATIONS_MAX) counter.durationsMs.push(record.durationMs);
    else {
      const place = Math.floor(random.next() * counter.count);
      if (place < DURATIONS_MAX) counter.durationsMs[place] = record.durationMs;
    }
  }

  function counterOf(record: RequestRecord, second: number): Counter {
    const { route, pool, backend, cache } = record;
    let key: CounterKey = { route, pool, backend, status: String(record.status), cache };
    let name = `${second}\n${route}\n${pool}\n${backend}\n${record.status}\n${cache}`;
    if (counters.size >= COUNTERS_MAX && !counters.has(name)) {
      key = { route: OTHER, pool: OTHER, backend: OTHER, status: OTHER, cache: OTHER };
      name = `${second}\n${OTHER}`;
    }
    let counter = counters.get(name);
    if (!counter) {
      counter = { key, kind: record, second, count: 0, durationsMs: [] };
      counters.set(name, counter);
    }
    return counter;
  }

  /** Everything counted so far becomes the batch to send, unless an earlier one still waits. */
  function nextBatch(): TelemetryBatch | null {
    if (unacknowledged) return unacknowledged;
    if (
      counters.size === 0 &&
      events.length === 0 &&
      eventsDropped === 0 &&
      explanations.length === 0 &&
      work === NO_WORK
    )
      return null;
    if (eventsDropped > 0) {
      const detail = { count: eventsDropped };
      events.push({ at: now(), type: 'events-dropped', subject: isolateId, detail });
    }
    unacknowledged = {
      isolate: isolateId,
      sequence: ++sequence,
      requests: [...counters.values()].map(({ key, second, count, durationsMs }) => ({
        ...key,
        second,
        count,
        durationsMs,
      })),
      events,
      ...(work === NO_WORK ? {} : { shardWork: work }),
      ...(explanations.length > 0 ? { explanations } : {}),
    };
    counters = new Map();
    last = null;
    events = [];
    eventsDropped = 0;
    explanations = [];
    work = NO_WORK;
    return unacknowledged;
  }

  async function send(batch: TelemetryBatch): Promise<boolean> {
    const sent = telemetryObject()
      .append(batch)
      .then(
        () => true,
        () => false,
      );
    return Promise.race([sent, wait(SEND_TIMEOUT_MS).then(() => false)]);
  }

  async function lead(): Promise<void> {
    const me = ++leaders;
    await wait(FLUSH_AFTER_MS);
    // From here on whoever counts something finds no leader and becomes one: nothing is left without.
    if (me === leaders) leaderUntil = 0;
    let failures = 0;
    for (;;) {
      const leftover = unacknowledged !== null;
      const batch = nextBatch();
      if (!batch) return;
      if (await send(batch)) {
        if (unacknowledged === batch) unacknowledged = null;
        // What was counted while this was under way has a leader of its own.
        if (!leftover) return;
        continue;
      }
      const pauseMs = RETRY_AFTER_MS[failures++];
      if (pauseMs === undefined) return;
      await wait(pauseMs);
    }
  }

  function ensureLeader(context: ExecutionContext, nowMs = now()): void {
    if (nowMs < leaderUntil) return;
    leaderUntil = nowMs + LEADER_LIFE_MS;
    context.waitUntil(lead());
  }

  function hasRoomToExplain(source: KeptExplanation['source']): boolean {
    return explanations.filter((kept) => kept.source === source).length < EXPLANATIONS_MAX[source];
  }

  return {
    request(record, context) {
      count(record);
      ensureLeader(context, record.endedAt);
    },
    event(event, context) {
      if (events.length < EVENTS_MAX) events.push(event);
      else eventsDropped++;
      ensureLeader(context);
    },
    shardOperation() {
      work = { ...work, operations: work.operations + 1 };
    },
    shardWork({ objectCalls, rowsWritten }) {
      work = {
        ...work,
        objectCalls: work.objectCalls + objectCalls,
        rowsWritten: work.rowsWritten + rowsWritten,
      };
    },
    deliver(context) {
      if (work !== NO_WORK) ensureLeader(context);
    },
    hasRoomToExplain,
    explanation(explanation, context) {
      if (!hasRoomToExplain(explanation.source)) return;
      explanations.push(explanation);
      ensureLeader(context);
    },
  };
}

function isOfKind(a: Counter['kind'], b: Counter['kind']): boolean {
  return (
    a.route === b.route &&
    a.cache === b.cache &&
    a.status === b.status &&
    a.backend === b.backend &&
    a.pool === b.pool
  );
}
