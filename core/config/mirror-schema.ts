// Which of a route's requests are sent a second time, to another pool, as configured.
import { z } from 'zod';
import { poolName } from './names.ts';

export const mirrorSchema = z
  .strictObject({
    pool: poolName,
    ratio: z.number().min(0).max(1).default(1).describe('Of the requests that go to an origin, by chance.'),
    unsafeMethods: z
      .boolean()
      .default(false)
      .describe('Also methods that may change something at the origin, such as POST, PUT and DELETE.'),
  })
  .describe(
    'Copies of requests for another pool, marked `Roundel-Mirror: 1`. Their answers are thrown away and no client waits ' +
      'for them. Requests with bodies over 64 KiB or of unknown length, WebSockets and answers from the cache are not ' +
      'mirrored.',
  );
