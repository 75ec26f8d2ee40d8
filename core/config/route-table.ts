// The routes of one configuration, compiled once: the first route whose hosts, paths and methods all match wins.
// Globs know only "*" (any run of characters) and are matched by searching their literal pieces in order, so no
// pattern can make matching explode as a backtracking regular expression would.
import type { Config, Route } from './schema.ts';

export interface RouteTable {
  /** `host` in lower case with its port, if any; `path` raw, without the query. O(routes × length). */
  match(host: string, path: string, method: string): Route | null;
}

export type Glob = (text: string) => boolean;

const tables = new WeakMap<Config, RouteTable>();

/** The table of a configuration; built at first sight. */
export function routeTableOf(config: Config): RouteTable {
  let table = tables.get(config);
  if (!table) {
    table = compileRoutes(config.routes);
    tables.set(config, table);
  }
  return table;
}

export function compileRoutes(routes: readonly Route[]): RouteTable {
  const compiled = routes.map((route) => ({
    route,
    hosts: anyOf(route.match.hosts.map(compileHostGlob)),
    paths: anyOf(route.match.paths.map(compileGlob)),
    methods: anyOf(route.match.methods.map((method) => compileGlob(method.toUpperCase()))),
  }));
  return {
    match(host, path, method) {
      for (const { route, hosts, paths, methods } of compiled) {
        if (hosts(host) && paths(path) && methods(method)) return route;
      }
      return null;
    },
  };
}

/** An empty list leaves the request free. */
function anyOf(globs: readonly Glob[]): Glob {
  if (globs.length === 0) return () => true;
  const [only] = globs;
  if (globs.length === 1 && only) return only;
  return (text) => globs.some((glob) => glob(text));
}

/** A pattern without a port speaks of the host name alone. */
function compileHostGlob(pattern: string): Glob {
  const glob = compileGlob(pattern.toLowerCase());
  return portStart(pattern) === -1 ? (host) => glob(withoutPort(host)) : glob;
}

function withoutPort(host: string): string {
  const start = portStart(host);
  return start === -1 ? host : host.slice(0, start);
}

/** Index of the ":" before a port, or -1; colons inside "[…]" belong to an IPv6 address. */
function portStart(host: string): number {
  const colon = host.lastIndexOf(':');
  return colon > host.lastIndexOf(']') ? colon : -1;
}

/** O(text × pieces) at worst; a text shorter than the literals fails at once. */
export function compileGlob(pattern: string): Glob {
  const pieces = pattern.split('*');
  const first = pieces[0] ?? '';
  if (pieces.length === 1) return (text) => text === first;
  const last = pieces.at(-1) ?? '';
  const middle = pieces.slice(1, -1).filter((piece) => piece !== '');
  const lengthMin = first.length + last.length + middle.reduce((sum, piece) => sum + piece.length, 0);
  return (text) => {
    if (text.length < lengthMin || !text.startsWith(first) || !text.endsWith(last)) return false;
    const end = text.length - last.length;
    let at = first.length;
    for (const piece of middle) {
      // The leftmost place leaves the most room for the pieces after it.
      const found = text.indexOf(piece, at);
      if (found === -1 || found + piece.length > end) return false;
      at = found + piece.length;
    }
    return true;
  };
}
