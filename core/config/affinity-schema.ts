// How a client stays with a backend, as configured.
import { z } from 'zod';
import { type FieldError, formatPath } from './field-error.ts';
import { cookieNameProblem } from './field-rules.ts';
import { ruled } from './ruled.ts';
import type { Config } from './schema.ts';

export const affinitySchema = z.strictObject({
  type: z
    .enum(['none', 'cookie'])
    .default('none')
    .describe(
      '`cookie`: signed with the secret ROUNDEL_AFFINITY_SECRET, without which it is refused. A response that brings the ' +
        'cookie is marked `private`; answers from the cache never bring one, and no origin sees it.',
    ),
  name: ruled(cookieNameProblem, 'Name of the cookie; pools that share a host need one each.').default(
    'roundel-affinity',
  ),
  ttlSeconds: z
    .int()
    .min(1)
    .max(31_536_000)
    .default(3_600)
    .describe('Since the cookie was given; a client that comes in the second half gets a new one.'),
  onUnavailable: z
    .enum(['temporary', 'sticky', 'none'])
    .default('temporary')
    .describe(
      'While its backend cannot be had a client goes elsewhere and comes back (`temporary`), stays where it went ' +
        '(`sticky`), or is refused (`none`). Of a backend that was removed all clients are given to others.',
    ),
  epoch: z.int().min(0).default(0).describe('Another number makes all cookies given before worthless.'),
});

/** What a configuration asks for and an edge without the secret cannot do. */
export function unsignedAffinities({ pools }: Config): FieldError[] {
  return Object.entries(pools)
    .filter(([, { affinity }]) => affinity.type === 'cookie')
    .map(([name]) => ({
      path: formatPath(['pools', name, 'affinity', 'type']),
      message: 'needs the secret ROUNDEL_AFFINITY_SECRET, which is not set',
    }));
}
