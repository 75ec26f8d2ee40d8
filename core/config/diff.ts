// What differs between two configuration documents, for people to read before they say yes.

export interface ConfigChange {
  /** `pools.web.backends[a].weight`: list members with an `id` are named by it. */
  readonly path: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

export type ConfigDiff = readonly ConfigChange[];
