// Cuts the runtime's URL text where its raw parts meet, without the folding that a URL parser does.

export interface RawUrl {
  /** The Host field as it came, port included. */
  readonly host: string;
  /** Up to "?" or "#", undecoded; empty when the URL has none. */
  readonly path: string;
}

/** `url` is absolute. O(n). */
export function splitUrl(url: string): RawUrl {
  const hostStart = url.indexOf('://') + 3;
  let pathStart = hostStart;
  while (pathStart < url.length && !endsAuthority(url.charCodeAt(pathStart))) pathStart++;
  let pathEnd = pathStart;
  while (pathEnd < url.length && !endsPath(url.charCodeAt(pathEnd))) pathEnd++;
  return { host: url.slice(hostStart, pathStart), path: url.slice(pathStart, pathEnd) };
}

function endsAuthority(code: number): boolean {
  return code === 47 /* / */ || endsPath(code);
}

function endsPath(code: number): boolean {
  return code === 63 /* ? */ || code === 35 /* # */;
}
