// Who takes part in the shards lab, and what each is asked for.
import type { ClosedOrder } from '../load/closed-round.ts';
import { BODY_BYTES } from '../overhead/plain-answer.ts';
import type { EdgeProcess } from '../resilience/edge-process.ts';
import type { PlainObjects } from './plain-objects.ts';

export type ContenderName =
  | 'constant response'
  | 'one object call'
  | 'SQLite read by one call'
  | 'SQLite write by one call'
  | 'KV write, quorum of 3'
  | 'KV read, linearizable'
  | 'KV read, bounded'
  | 'cache hit, shard'
  | 'cache hit, memory';

export interface Contender {
  readonly name: ContenderName;
  readonly ask: Omit<ClosedOrder, 'connections' | 'ms'>;
  /** Of its workerd; null where the system does not tell. */
  readonly pid: number | null;
}

export interface Product extends Pick<EdgeProcess, 'url' | 'token'> {
  readonly pid: number | null;
}

/** Distinct keys, the same for the product and what it is measured against. */
export const KEYS = 200;

/**
 * What is popular: few enough that a round in which the memory tier has to ask its shard for all of them anew, since the
 * staleness bound has passed between two rounds, is not measured by that.
 */
const POPULAR = 8;

/** `shards`: a product without the memory tier; `memory`: one with it. */
export function contendersOf(plain: PlainObjects, shards: Product, memory: Product): readonly Contender[] {
  const { pid } = plain;
  const write = { method: 'PUT', bodyBytes: BODY_BYTES, addresses: KEYS } as const;
  const headers = { authorization: `Bearer ${shards.token}` };
  // Numbers go behind the name, the query behind those.
  const pairs = `${shards.url}/_roundel/v1/kv/lab/key-`;
  return [
    { name: 'constant response', ask: { url: `${plain.constantUrl}/` }, pid },
    { name: 'one object call', ask: { url: `${plain.objectUrl}/call` }, pid },
    { name: 'SQLite write by one call', ask: { url: `${plain.objectUrl}/write/key-`, ...write }, pid },
    { name: 'SQLite read by one call', ask: { url: `${plain.objectUrl}/read/key-`, addresses: KEYS }, pid },
    { name: 'KV write, quorum of 3', ask: { url: pairs, headers, ...write }, pid: shards.pid },
    { name: 'KV read, linearizable', ask: { url: pairs, headers, addresses: KEYS }, pid: shards.pid },
    {
      name: 'KV read, bounded',
      ask: { url: `${pairs}?consistency=bounded`, headers, addresses: KEYS },
      pid: shards.pid,
    },
    {
      name: 'cache hit, shard',
      ask: { url: `${shards.url}/cached/`, addresses: KEYS },
      pid: shards.pid,
    },
    {
      name: 'cache hit, memory',
      ask: { url: `${memory.url}/cached/`, addresses: POPULAR },
      pid: memory.pid,
    },
  ];
}
