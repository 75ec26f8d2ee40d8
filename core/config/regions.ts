// The regions of the world in which a Durable Object can be asked to live.

/** The first three are the default of `shards.regions`. */
export const REGIONS = [
  'enam',
  'wnam',
  'weur',
  'eeur',
  'apac',
  'apac-ne',
  'apac-se',
  'sam',
  'oc',
  'afr',
  'me',
] as const;
