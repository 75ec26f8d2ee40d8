// The newest configuration, health and shard map that anybody has mentioned to this object. It uses none of them: it
// passes them on with every answer, so that an edge that is behind learns of it from the shards that it asks anyway.
import { PROTOCOL_VERSION } from '../../core/replication/messages.ts';
import type { EdgeHeader } from '../interfaces/shard-replica.ts';

export class HeardHeader {
  #newest: EdgeHeader = { protocol: PROTOCOL_VERSION, mapEpoch: 0, configVersion: 0, healthEpoch: 0 };

  current(): EdgeHeader {
    return this.#newest;
  }

  hear({ mapEpoch, configVersion, healthEpoch }: EdgeHeader): void {
    const known = this.#newest;
    const isNews =
      mapEpoch > known.mapEpoch || configVersion > known.configVersion || healthEpoch > known.healthEpoch;
    if (!isNews) return;
    this.#newest = {
      protocol: PROTOCOL_VERSION,
      mapEpoch: Math.max(mapEpoch, known.mapEpoch),
      configVersion: Math.max(configVersion, known.configVersion),
      healthEpoch: Math.max(healthEpoch, known.healthEpoch),
    };
  }
}
