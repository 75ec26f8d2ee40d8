// The edge's own limits on what it takes in, checked before anything else looks at the request.
import type { Fields } from '../../core/http/fields.ts';
import { fieldValue } from '../../core/http/fields.ts';
import { isHeaderBlockTooLarge } from '../../core/http/request-limits.ts';
import type { ParsedTarget, Target } from '../../core/http/target.ts';
import type { EdgeError } from './edge-error.ts';

export type AcceptedTarget = Target | { readonly type: 'refused'; readonly error: EdgeError };

/** `parse`: parseTarget, or what remembers what that gave. */
export function acceptTarget(
  request: Request,
  fields: Fields,
  parse: (url: string) => ParsedTarget,
): AcceptedTarget {
  // The runtime joins Host and target to one text: a delimiter in Host would shift where the path begins.
  if (HOST_DELIMITER.test(fieldValue(fields, 'host') ?? ''))
    return refuse('bad-target', 'its Host is not one');
  const target = parse(request.url);
  if (target.type === 'too-long') return refuse('target-too-long', 'it is over 16 KiB');
  if (target.type === 'bad-target') return refuse('bad-target', target.reason);
  if (isHeaderBlockTooLarge(fields)) {
    return {
      type: 'refused',
      error: {
        code: 'fields-too-large',
        detail: 'Cannot accept the request: its header block is over 64 KiB',
      },
    };
  }
  return target;
}

const HOST_DELIMITER = /[/?#\\@\s]/;

function refuse(code: EdgeError['code'], reason: string): AcceptedTarget {
  return { type: 'refused', error: { code, detail: `Cannot accept the request target: ${reason}` } };
}
