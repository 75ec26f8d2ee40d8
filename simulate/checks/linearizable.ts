// I5 from what clients saw alone: the operations on each key, purges included, as a register's, and a search for an order
// that explains them (Wing, Gong and Lowe; `linearize/find-order`). Times to live end at an unknown instant within the
// skew of the clocks; what is cached may go at any time, so finding nothing there says nothing.

import type { Command, CommandResult } from '../../core/replication/commands.ts';
import { etagOf } from '../../core/replication/etag.ts';
import { isKvEntryKey } from '../../core/sharding/entry-key.ts';
import { findOrder } from '../../linearize/find-order.ts';
import type { Action, Operation, Value } from '../../linearize/operation.ts';
import type { History, ObservedPurge, ObservedWrite } from '../clients/history.ts';
import { COUNTERS, covers, selects, tagsOf } from '../clients/keys.ts';
import { must } from './violation.ts';

const MEMORY_BYTES = 64 * 1024 * 1024;

/** When a value with a time to live may and must be gone. */
interface Fading {
  readonly from: number;
  readonly until: number;
}

interface Key {
  readonly operations: Operation[];
  readonly fading: Fading[];
  readonly isKv: boolean;
}

export interface Skew {
  /** How far apart the clocks of two objects may be, ms; times to live are exact to it. */
  readonly ms: number;
}

export function checkLinearizable(history: History, skew: Skew): void {
  const keys = new Map<string, Key>();
  const keyOf = (name: string): Key => {
    const known = keys.get(name);
    if (known !== undefined) return known;
    const key: Key = { operations: [], fading: [], isKv: isKvEntryKey(name) };
    keys.set(name, key);
    return key;
  };
  const metaOfEtag = new Map<string, string>();
  for (const { rows } of history.reads) {
    for (const row of rows) metaOfEtag.set(etagOf(row), row.value.meta);
  }
  // Counters have no values of their own that a search could tell apart: `replay` adds them up.
  const isCounter = (name: string): boolean => COUNTERS.includes(name);
  for (const { key } of history.reads) if (!isCounter(key)) keyOf(key);
  for (const { command, result, invokedAt, answeredAt } of history.writes) {
    if (command.type === 'put' || command.type === 'fill') keyOf(command.key);
    if (command.type !== 'put') continue;
    if (result?.type === 'stored') metaOfEtag.set(result.etag, command.value.meta);
    if (command.ttlMs === null) continue;
    const slack = skew.ms;
    keyOf(command.key).fading.push({
      from: invokedAt + 1_000 * Math.max(0, command.ttlMs - slack),
      until: (answeredAt ?? Number.POSITIVE_INFINITY) + 1_000 * (command.ttlMs + slack),
    });
  }
  for (const write of history.writes) {
    if (!write.isRefused) addWrite(write, keys, metaOfEtag, skew);
  }
  for (const purge of history.purges) addPurge(purge, keys);
  for (const { key: name, level, invokedAt, answeredAt, rows } of history.reads) {
    if (level !== 'linearizable' || isCounter(name)) continue;
    const key = keyOf(name);
    const value = rows.find(({ variant }) => variant === '')?.value.meta ?? null;
    if (value === null && !tellsAbsence(key, invokedAt, answeredAt)) continue;
    key.operations.push({ action: { type: 'read', value }, invokedAt, returnedAt: answeredAt });
  }
  for (const [name, { operations }] of keys) {
    const verdict = findOrder(operations, { bytesLeft: MEMORY_BYTES });
    must(verdict === 'linearizable', 'I5', () => `the history of ${name} is ${verdict}`);
  }
}

/** Whether finding nothing means anything: not where things may be evicted, nor where one may just have expired. */
function tellsAbsence({ isKv, fading }: Key, invokedAt: number, answeredAt: number): boolean {
  return isKv && !fading.some(({ from, until }) => from <= answeredAt && invokedAt <= until);
}

function addWrite(
  write: ObservedWrite,
  keys: ReadonlyMap<string, Key>,
  metaOfEtag: ReadonlyMap<string, string>,
  skew: Skew,
): void {
  const { command, result, invokedAt, answeredAt: returnedAt } = write;
  const add = (name: string, action: Action | null): void => {
    if (action !== null) keys.get(name)?.operations.push({ action, invokedAt, returnedAt });
  };
  switch (command.type) {
    case 'put': {
      const key = keys.get(command.key);
      if (key === undefined) return;
      add(command.key, conditional(key, write, command, command.value.meta, metaOfEtag));
      if (command.ttlMs === null || result?.type === 'condition-failed') return;
      const from = command.value.meta;
      const mayGoAt = invokedAt + 1_000 * Math.max(0, command.ttlMs - skew.ms);
      key.operations.push({
        action: { type: 'cas', from, to: null, matched: null },
        invokedAt: Math.max(invokedAt, mayGoAt),
        returnedAt: null,
      });
      return;
    }
    case 'delete': {
      const key = keys.get(command.key);
      if (key !== undefined) add(command.key, conditional(key, write, command, null, metaOfEtag));
      return;
    }
    case 'fill':
      // Variants of a key are different things; the plain one stands for them.
      if (command.variant !== '') return;
      if (result === null || result.type === 'filled')
        add(command.key, { type: 'write', value: command.value.meta });
      // Refused, it has still removed what was there.
      if (command.purges && result?.type !== 'filled') add(command.key, { type: 'write', value: null });
      return;
    case 'purge':
      // A soft one leaves everything where it is.
      if (command.soft) return;
      for (const name of keys.keys()) {
        if (covers(command.selector, name, tagsOf(name))) add(name, { type: 'write', value: null });
      }
      return;
    default:
      return;
  }
}

/** What it covers is gone in all groups between its call and its answer, each at an instant of its own. */
function addPurge({ selection, invokedAt, answeredAt }: ObservedPurge, keys: ReadonlyMap<string, Key>): void {
  if (selection.soft) return;
  for (const [name, { operations }] of keys) {
    if (!selects(selection, name, tagsOf(name))) continue;
    operations.push({ action: { type: 'write', value: null }, invokedAt, returnedAt: answeredAt });
  }
}

/** A put or delete as what it did to a register; null where that cannot be said. */
function conditional(
  key: Key,
  { result, invokedAt, answeredAt }: ObservedWrite,
  { condition }: Extract<Command, { type: 'put' | 'delete' }>,
  to: Value,
  metaOfEtag: ReadonlyMap<string, string>,
): Action | null {
  const absenceTells = tellsAbsence(key, invokedAt, answeredAt ?? Number.POSITIVE_INFINITY);
  const write: Action = { type: 'write', value: to };
  const matched = hasMatched(result);
  switch (condition?.type) {
    case 'etag': {
      const [etag] = condition.etags;
      const from = etag === undefined ? undefined : metaOfEtag.get(etag);
      if (from === undefined || (matched === false && !absenceTells)) return matched === false ? null : write;
      return { type: 'cas', from, to, matched };
    }
    case 'absent':
      if (!absenceTells) return matched === false ? null : write;
      return { type: 'cas', from: null, to, matched };
    case 'exists':
      if (matched === false) return absenceTells ? { type: 'read', value: null } : null;
      return write;
    default:
      if (result?.type === 'deleted' && !result.existed)
        return absenceTells ? { type: 'read', value: null } : null;
      return write;
  }
}

function hasMatched(result: CommandResult | null): boolean | null {
  return result === null ? null : result.type !== 'condition-failed';
}
