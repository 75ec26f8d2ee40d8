// One line of a recorded history: a process invokes an operation, or learns how it ended. Two notations are read: a log
// line of Jepsen for one register, and an EDN map for a key-value store.
import { type Edn, ednText, Keyword, readEdn } from './edn.ts';

/** `ok`: it happened; `fail`: it did not (a `cas`: it did not match); `info`: nobody knows, it may happen later still. */
export type EventType = 'invoke' | 'ok' | 'fail' | 'info';

export interface HistoryEvent {
  /** Where it stands in the file, from 1; the order of lines is the order of real time. */
  readonly line: number;
  readonly process: string;
  readonly type: EventType;
  /** What the process does: `read`, `put`, …, without the colon. */
  readonly f: string;
  /** What the operation is about, as `ednText`; `nil` where the history has no keys. */
  readonly key: string;
  readonly value: Edn;
}

const LOG_LINE = /\bjepsen\.util - (\S+)\s+(:\S+)\s+(:\S+)(?:\s+(\S.*))?$/;

/** The events of a whole file, in order. Throws an Error naming the first line that is none. O(length). */
export function readEvents(text: string): HistoryEvent[] {
  const events: HistoryEvent[] = [];
  text.split('\n').forEach((raw, index) => {
    const line = index + 1;
    const content = raw.trim();
    if (content === '') return;
    try {
      const event = content.startsWith('{') ? fromMap(content, line) : fromLogLine(content, line);
      // The process that injects faults does nothing to the data.
      if (event.process !== ':nemesis') events.push(event);
    } catch (error) {
      throw new Error(`line ${line} is no event: ${(error as Error).message}`);
    }
  });
  if (events.length === 0) throw new Error('it holds no event');
  return events;
}

function fromLogLine(content: string, line: number): HistoryEvent {
  const match = LOG_LINE.exec(content);
  if (!match) throw new Error(`not understood: ${content.slice(0, 60)}`);
  const [, process = '', type = '', f = '', value = 'nil'] = match;
  return { line, process, type: toType(type), f: f.slice(1), key: 'nil', value: readEdn(value) };
}

function fromMap(content: string, line: number): HistoryEvent {
  const map = readEdn(content);
  if (!(map instanceof Map)) throw new Error('it is not one map');
  const field = (name: string): Edn => {
    const value = map.get(name);
    if (value === undefined) throw new Error(`it has no ${name}`);
    return value;
  };
  const f = field(':f');
  return {
    line,
    process: ednText(field(':process')),
    type: toType(ednText(field(':type'))),
    f: f instanceof Keyword ? f.name.slice(1) : ednText(f),
    key: ednText(map.get(':key') ?? null),
    value: map.get(':value') ?? null,
  };
}

function toType(keyword: string): EventType {
  const type = keyword.slice(1);
  if (type === 'invoke' || type === 'ok' || type === 'fail' || type === 'info') return type;
  throw new Error(`its type is ${keyword}, not :invoke, :ok, :fail or :info`);
}
