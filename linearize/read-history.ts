// From a recorded history to its operations by key: each invocation meets its end. Keys are independent, so a history
// is linearizable if each key's operations are (Herlihy & Wing 1990, locality).
import type { Edn } from './edn.ts';
import { ednText } from './edn.ts';
import { type HistoryEvent, readEvents } from './event.ts';
import type { Action, Operation, Value } from './operation.ts';

/** The operations on each key; instants are line numbers. */
export type HistoryByKey = ReadonlyMap<string, readonly Operation[]>;

/**
 * Reads a history of either notation. An operation without an end, or with `:info`, has an unknown outcome. What failed
 * did not happen, except that a failed `:cas` tells that it did not match. A key-value store answers `""` where there is
 * nothing. Throws an Error naming the line if a line is no event, or if the events of a process do not alternate.
 * O(length).
 */
export function readHistory(text: string): HistoryByKey {
  const byKey = new Map<string, Operation[]>();
  const open = new Map<string, HistoryEvent>();
  const keep = (invoked: HistoryEvent, ended: HistoryEvent | null): void => {
    const operations = byKey.get(invoked.key) ?? [];
    byKey.set(invoked.key, operations);
    const action = actionOf(invoked, ended);
    if (action === null) return;
    const returnedAt = ended === null || ended.type === 'info' ? null : ended.line;
    operations.push({ action, invokedAt: invoked.line, returnedAt });
  };
  for (const event of readEvents(text)) {
    const invoked = open.get(event.process);
    if (event.type === 'invoke') {
      if (invoked) refuse(event, `invokes while its operation of line ${invoked.line} is still open`);
      open.set(event.process, event);
    } else {
      if (!invoked) refuse(event, `ends an operation that it has not invoked`);
      if (invoked.f !== event.f || invoked.key !== event.key) {
        refuse(event, `ends another operation than it invoked in line ${invoked.line}`);
      }
      open.delete(event.process);
      keep(invoked, event);
    }
  }
  for (const invoked of open.values()) keep(invoked, null);
  return byKey;
}

/** What is known to have been done; null where that is nothing that could matter. */
function actionOf(invoked: HistoryEvent, ended: HistoryEvent | null): Action | null {
  const type = ended?.type ?? 'info';
  switch (invoked.f) {
    case 'read':
      return type === 'ok' ? { type: 'read', value: scalar(ended ?? invoked) } : null;
    case 'get':
      return type === 'ok' ? { type: 'read', value: textOf(ended ?? invoked) || null } : null;
    case 'write': {
      const value = scalar(invoked);
      checkEcho(invoked, ended);
      return type === 'fail' ? null : { type: 'write', value };
    }
    case 'put': {
      const value = textOf(invoked) || null;
      checkEcho(invoked, ended);
      return type === 'fail' ? null : { type: 'write', value };
    }
    case 'append': {
      const value = textOf(invoked);
      checkEcho(invoked, ended);
      return type === 'fail' ? null : { type: 'append', value };
    }
    case 'cas': {
      const { value } = invoked;
      if (!Array.isArray(value) || value.length !== 2) refuse(invoked, 'compares and sets without [from to]');
      checkEcho(invoked, ended);
      const [from, to] = (value as readonly Edn[]).map((held) => scalar({ ...invoked, value: held }));
      const matched = type === 'info' ? null : type === 'ok';
      return { type: 'cas', from: from ?? null, to: to ?? null, matched };
    }
  }
  return refuse(invoked, `does :${invoked.f}; known are :read :write :cas :get :put :append`);
}

/** A recorder that tells two things of one operation is not to be believed in anything. */
function checkEcho(invoked: HistoryEvent, ended: HistoryEvent | null): void {
  if (ended === null || ended.type === 'info' || ednText(ended.value) === ednText(invoked.value)) return;
  refuse(ended, `ends with ${ednText(ended.value)} what it began with ${ednText(invoked.value)}`);
}

function scalar(event: HistoryEvent): Value {
  const { value } = event;
  if (value === null || typeof value !== 'object') return value;
  return refuse(event, `has the value ${ednText(value)}, which no register holds`);
}

function textOf(event: HistoryEvent): string {
  if (event.value === null && event.type !== 'invoke') return '';
  if (typeof event.value === 'string') return event.value;
  return refuse(event, `has the value ${ednText(event.value)} where a string belongs`);
}

function refuse(event: HistoryEvent, why: string): never {
  throw new Error(`line ${event.line}: process ${event.process} ${why}`);
}
