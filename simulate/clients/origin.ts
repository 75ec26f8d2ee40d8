// The origin of the profile `invalidation`: each URL has a version that grows with every change; responses say which
// they show. It also keeps what acknowledged purges have promised: from then on, no older version.
import type { Chance } from '../engine/chance.ts';
import type { FaultName } from '../engine/faults.ts';

export type OriginResponse =
  | { readonly type: 'failed' }
  /** `text`: unlike any other response; `bodyMs`: how long the body takes after the version was decided. */
  | { readonly type: 'response'; readonly text: string; readonly bodyMs: number };

/** A purge that began after the change to this version was acknowledged at tick `at`. */
export interface Promised {
  readonly at: number;
  readonly version: number;
  /** Older ones may still be shown, as stale. */
  readonly soft: boolean;
  /** Promised to readers of every level but `any`, not only to linearizable ones, and those of the edge that it went by. */
  readonly strict: boolean;
  readonly edge: number;
}

export class Origin {
  /** Probability that it fails, and that a body crawls. */
  private readonly failing: number;
  private readonly crawling: number;
  private readonly chance: Chance;
  private readonly versions = new Map<string, number>();
  private readonly promises = new Map<string, Promised[]>();
  private readonly happened: (fault: FaultName) => void;
  private fetches = 0;

  constructor(
    chance: Chance,
    faults: { readonly failing: number; readonly crawling: number },
    happened: (fault: FaultName) => void,
  ) {
    this.chance = chance;
    this.failing = faults.failing;
    this.crawling = faults.crawling;
    this.happened = happened;
  }

  fetch(key: string): OriginResponse {
    const { chance } = this;
    if (chance.hits(this.failing)) {
      this.happened('failing-origin');
      return { type: 'failed' };
    }
    this.fetches += 1;
    const crawls = chance.hits(this.crawling);
    if (crawls) this.happened('slow-origin');
    const bodyMs = crawls
      ? chance.pick([
          chance.between(200, 3_000),
          chance.between(3_000, 20_000),
          chance.between(58_000, 63_000),
        ])
      : chance.next() * 150;
    return { type: 'response', text: `${this.version(key)} ${this.fetches}`, bodyMs };
  }

  /** What it says of a version that it shows from now on. */
  answerTo(version: number): string {
    this.fetches += 1;
    return `${version} ${this.fetches}`;
  }

  /** The version from now on. */
  change(key: string): number {
    const version = this.version(key) + 1;
    this.versions.set(key, version);
    return version;
  }

  promise(key: string, promised: Promised): void {
    const promises = this.promises.get(key) ?? [];
    this.promises.set(key, promises);
    promises.push(promised);
  }

  /** The least version that may still be shown fresh, and at all, by what was acknowledged before. O(purges of the key). */
  promisedBefore(
    key: string,
    at: number,
    reader: { readonly isLinearizable: boolean; readonly edge: number },
  ): { readonly fresh: number; readonly any: number } {
    let [fresh, any] = [0, 0];
    for (const promise of this.promises.get(key) ?? []) {
      if (promise.at >= at) continue;
      if (!promise.strict && !reader.isLinearizable && promise.edge !== reader.edge) continue;
      fresh = Math.max(fresh, promise.version);
      if (!promise.soft) any = Math.max(any, promise.version);
    }
    return { fresh, any };
  }

  private version(key: string): number {
    return this.versions.get(key) ?? 1;
  }
}

/** The origin's version that a stored response shows. */
export function versionOf(text: string): number {
  return Number(text.split(' ')[0]);
}
