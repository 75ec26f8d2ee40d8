// The little that the lab uses of packages that come without types.

declare module 'hashring' {
  export default class HashRing {
    constructor(servers: Record<string, { weight: number }>);
    readonly ring: readonly { readonly value: number; readonly server: string }[];
    get(key: string): string | undefined;
  }
}

declare module 'consistent-hash' {
  export default class ConsistentHash {
    constructor(options?: { range?: number });
    /** With `points` their number is what counts. */
    add(node: string, count: number, points?: number[]): this;
    get(key: string): string | null;
  }
}
