// Bookmarks of a client's session: the one it sends is read, what this request saw is merged in, and the answer
// carries the result, also when it is a refusal.
import {
  type Bookmark,
  decodeBookmark,
  encodeBookmark,
  mergeBookmarks,
} from '../../core/replication/bookmark.ts';
import type { Viewstamp } from '../../core/replication/viewstamp.ts';
import { Problem } from './problem.ts';

const FIELD = 'roundel-bookmark';

export interface Session {
  /** What the client sent; it may name groups that are gone or foreign. */
  readonly sent: Bookmark;
  /** Of what the client sent, the answer carries on what is known here: else a bookmark would grow for ever. */
  knows(map: { readonly groups: readonly { readonly groupId: string }[] }): void;
  /** The request has seen the group at this place. */
  saw(groupId: string, viewstamp: Viewstamp): void;
}

export async function inSession(
  request: Request,
  handle: (session: Session) => Promise<Response>,
): Promise<Response> {
  const sent = sentBookmark(request);
  let bookmark: Bookmark = sent;
  try {
    const response = await handle({
      sent,
      knows({ groups }) {
        const known = new Set(groups.map(({ groupId }) => groupId));
        bookmark = Object.fromEntries(Object.entries(bookmark).filter(([groupId]) => known.has(groupId)));
      },
      saw(groupId, viewstamp) {
        bookmark = mergeBookmarks(bookmark, Object.fromEntries([[groupId, viewstamp]]));
      },
    });
    response.headers.set(FIELD, encodeBookmark(bookmark));
    return response;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const headers = { ...error.extras.headers, [FIELD]: encodeBookmark(bookmark) };
    throw new Problem(error.code, error.message, { ...error.extras, headers });
  }
}

function sentBookmark(request: Request): Bookmark {
  const text = request.headers.get(FIELD);
  if (text === null) return {};
  const reading = decodeBookmark(text);
  if (reading.type === 'bookmark') return reading.bookmark;
  const message = `must be a bookmark as an answer gave it (${reading.reason})`;
  throw new Problem('bad-header', `Roundel-Bookmark: ${message}`, {
    errors: [{ path: 'Roundel-Bookmark', message }],
  });
}
