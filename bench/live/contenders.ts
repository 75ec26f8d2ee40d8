// Who takes part in the live lab, and what each is asked for.
import type { Asked } from '../load/asked.ts';
import { BODY_BYTES } from '../overhead/plain-answer.ts';
import type { StrategyType } from '../resilience/stand.ts';
import type { Neighbour } from './neighbours/neighbour.ts';
import type { WorkloadName } from './workloads.ts';

export interface Contender {
  readonly workload: WorkloadName;
  readonly name: string;
  readonly asked: Asked;
  /** Whose processor time counts; null where the system does not tell. */
  readonly pid: number | null;
}

/** Where one thing that is measured listens. */
export interface Place {
  /** Without a slash at the end. */
  readonly url: string;
  readonly pid: number | null;
}

export interface Places {
  readonly origin: Place;
  readonly constant: Place;
  readonly passThrough: Place;
  readonly keeping: Place;
  /** Null: no workload asks for it. */
  readonly object: Place | null;
  /** With the memory tier. */
  readonly product: Place | null;
  /** Another without it: all hits come from the shard. `token`: for key-value calls. */
  readonly shards: (Place & { readonly token: string }) | null;
  readonly neighbours: readonly Neighbour[];
}

/** Distinct paths and keys, so that strategies which hash have something to spread. */
const KEYS = 200;
/**
 * What is popular: few, since the memory tier asks its shard for each of them anew whenever the staleness bound has
 * passed, which must not be what is measured.
 */
const POPULAR = 8;

export function contendersOf(
  places: Places,
  workloads: readonly WorkloadName[],
  strategies: readonly StrategyType[],
): readonly Contender[] {
  const { origin, constant, passThrough, keeping, object, product, shards } = places;
  const of = (workload: WorkloadName, name: string, place: Place | null, path: string, more: object = {}) =>
    place === null || !workloads.includes(workload)
      ? []
      : [{ workload, name, asked: { url: `${place.url}${path}`, ...more }, pid: place.pid }];
  const many = { addresses: KEYS };
  const popular = { addresses: POPULAR };
  const neighbours = (workload: WorkloadName, role: string, more: object) =>
    places.neighbours.flatMap(({ name, pid, urls }) => {
      const url = urls.get(role);
      return url === undefined ? [] : of(workload, name, { url, pid }, '/', more);
    });
  const write = { method: 'PUT', bodyBytes: BODY_BYTES, ...many };
  const headers = { authorization: `Bearer ${shards?.token}` };
  const pairs = '/_roundel/v1/kv/lab/key-';
  return [
    of('constant', 'Worker', constant, '/'),
    of('constant', 'the origin itself', origin, '/'),
    neighbours('constant', 'constant', {}),
    of('proxy', 'bare pass-through Worker', passThrough, '/', many),
    strategies.flatMap((type) => of('proxy', `Roundel, ${type}`, product, `/${type}/`, many)),
    neighbours('proxy', 'proxy', many),
    of('cache', 'Worker with a Map', keeping, '/', popular),
    of('cache', 'Roundel, memory', product, '/kept/', popular),
    neighbours('cache', 'cache', popular),
    of('shard', 'one object call', object, '/call'),
    of('shard', 'Roundel, shard', shards, '/kept/', many),
    of('kv-read', 'one object read', object, '/read/key-', many),
    of('kv-read', 'Roundel, linearizable', shards, pairs, { headers, ...many }),
    of('kv-read', 'Roundel, bounded', shards, `${pairs}?consistency=bounded`, { headers, ...many }),
    of('kv-write', 'one object write', object, '/write/key-', write),
    of('kv-write', 'Roundel, quorum of 3', shards, pairs, { headers, ...write }),
  ].flat();
}
