// What is asked for in the live lab, and whom the others are measured against in each: the least that does the same on the
// same runtime.

export interface Workload {
  readonly name: WorkloadName;
  readonly summary: string;
  /** A contender's name. */
  readonly base: string;
}

export type WorkloadName = 'constant' | 'proxy' | 'cache' | 'shard' | 'kv-read' | 'kv-write';

export const WORKLOADS: readonly Workload[] = [
  { name: 'constant', summary: 'an answer that asks nobody', base: 'Worker' },
  { name: 'proxy', summary: 'passed on to an origin', base: 'bare pass-through Worker' },
  { name: 'cache', summary: 'a response kept where the request arrives', base: 'Worker with a Map' },
  { name: 'shard', summary: 'a response kept in an object', base: 'one object call' },
  { name: 'kv-read', summary: 'a value kept in an object’s rows', base: 'one object read' },
  { name: 'kv-write', summary: 'a value written to an object’s rows', base: 'one object write' },
];
