// What shards are measured against, on the same runtime: a Worker that answers by itself, one that asks an object for
// every request, and one whose object reads or writes one row of SQLite for it. Nothing is replicated, checked or named.
import { BODY_BYTES } from '../overhead/plain-answer.ts';
import { startPlainWorkerd } from '../overhead/plain-workerd.ts';

export interface PlainObjects {
  readonly pid: number;
  /** Without a slash at the end. */
  readonly constantUrl: string;
  /** `/call`: one call; `/read/NAME`: one row read; PUT `/write/NAME`: one row written with the request's body. */
  readonly objectUrl: string;
  stop(): Promise<void>;
}

const constant = `const body = 'x'.repeat(${BODY_BYTES});
export default { fetch: () => new Response(body) };`;

const objects = `import { DurableObject } from 'cloudflare:workers';
const body = new TextEncoder().encode('x'.repeat(${BODY_BYTES}));
export class Plain extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    ctx.storage.sql.exec('CREATE TABLE IF NOT EXISTS pairs (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID');
  }
  call() { return body; }
  read(name) {
    return new Uint8Array(this.ctx.storage.sql.exec('SELECT value FROM pairs WHERE name = ?', name).one().value);
  }
  write(name, value) {
    this.ctx.storage.sql.exec('INSERT OR REPLACE INTO pairs (name, value) VALUES (?, ?)', name, value);
  }
}
export default {
  async fetch(request, env) {
    const stub = env.PLAIN.get(env.PLAIN.idFromName('plain'));
    const path = request.url.slice(request.url.indexOf('/', 8));
    if (path === '/call') return new Response(await stub.call());
    if (request.method === 'GET') return new Response(await stub.read(path.slice(6)));
    await stub.write(path.slice(7), await request.arrayBuffer());
    return new Response(null, { status: 204 });
  },
};`;

const WITH_OBJECT = `, bindings = [(name = "PLAIN", durableObjectNamespace = "Plain")],
      durableObjectNamespaces = [(className = "Plain", uniqueKey = "plain", enableSql = true)],
      durableObjectStorage = (localDisk = "objects")`;

export async function startPlainObjects(): Promise<PlainObjects> {
  const { pid, urlOf, stop } = await startPlainWorkerd([
    { name: 'constant', source: constant },
    { name: 'object', source: objects, more: WITH_OBJECT },
  ]);
  return { pid, constantUrl: urlOf('constant'), objectUrl: urlOf('object'), stop };
}
