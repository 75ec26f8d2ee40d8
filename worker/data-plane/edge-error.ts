// The edge's own failures: what each is called, which status it has, and how it is told (RFC 9457, or a small page
// where the client prefers HTML). Failures of an origin that answered are not here: they pass through untouched.

export const EDGE_ERRORS = {
  'bad-target': { status: 400, title: 'The request target is not acceptable' },
  'no-route': { status: 404, title: 'No route matches the request' },
  'target-too-long': { status: 414, title: 'The request target is too long' },
  'fields-too-large': { status: 431, title: 'The header block is too large' },
  internal: { status: 500, title: 'The edge failed' },
  'origin-unreachable': { status: 502, title: 'No origin could be reached' },
  'origin-protocol': { status: 502, title: 'The origin did not answer in proper HTTP' },
  'no-backend': { status: 503, title: 'No backend may be tried' },
  overloaded: { status: 503, title: 'The backends are full, and so is the queue before them' },
  'no-config': { status: 503, title: 'The edge has no configuration yet' },
  'origin-timeout': { status: 504, title: 'The origin did not answer in time' },
  'cannot-revalidate': { status: 504, title: 'The stored response could not be validated' },
  'not-cached': { status: 504, title: 'Only a stored response was asked for, and there is none' },
  loop: { status: 508, title: 'The request came back to the edge' },
} as const;

export type EdgeErrorCode = keyof typeof EDGE_ERRORS;

export interface EdgeError {
  readonly code: EdgeErrorCode;
  /** Action, subject, current value. */
  readonly detail: string;
  readonly retryAfterSeconds?: number;
}

export function edgeError(request: Request, requestId: string, error: EdgeError): Response {
  const { status, title } = EDGE_ERRORS[error.code];
  const problem = {
    type: `urn:roundel:problem:${error.code}`,
    title,
    status,
    detail: error.detail,
    requestId,
  };
  const asHtml = prefersHtml(request.headers.get('accept'));
  const headers = new Headers({
    'content-type': asHtml ? 'text/html; charset=utf-8' : 'application/problem+json',
    // Nobody's cache may keep what only this edge said, and only now.
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  if (error.retryAfterSeconds !== undefined) headers.set('retry-after', String(error.retryAfterSeconds));
  const body = request.method === 'HEAD' ? null : asHtml ? htmlPage(problem) : JSON.stringify(problem);
  return new Response(body, { status, headers });
}

/** RFC 9110 §12.5.1: HTML only where it is named with a greater weight than JSON, as browsers do and tools do not. */
export function prefersHtml(accept: string | null): boolean {
  if (!accept?.toLowerCase().includes('html')) return false;
  const weightOf = (wanted: readonly string[]): number => {
    for (const type of wanted) {
      const weight = weights.get(type);
      if (weight !== undefined) return weight;
    }
    return 0;
  };
  const weights = new Map<string, number>();
  for (const range of accept.split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const q = parameters.find((parameter) => parameter.startsWith('q='));
    const weight = q === undefined ? 1 : Number(q.slice(2));
    weights.set(type, Number.isFinite(weight) ? weight : 0);
  }
  const json = weightOf(['application/problem+json', 'application/json', 'application/*', '*/*']);
  return weightOf(['text/html', 'application/xhtml+xml']) > json;
}

function htmlPage(problem: { title: string; status: number; detail: string; requestId: string }): string {
  const text = (value: string): string =>
    value.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${problem.status} ${text(problem.title)}</title>
<h1>${text(problem.title)}</h1>
<p>${text(problem.detail)}</p>
<p><small>${problem.status} · request ${text(problem.requestId)}</small></p>
</html>
`;
}
