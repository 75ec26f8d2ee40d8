// The control endpoint of an origin in another process: scripts and ledger over HTTP, as JSON.
import { type IRequest, IttyRouter } from 'itty-router';
import type { Ledger, LedgerFilter } from './ledger.ts';
import { jsonReply, type Reply, textReply } from './reply.ts';
import type { ArrivedRequest } from './routes.ts';
import type { ScriptBook } from './script-book.ts';

interface Controlled {
  readonly name: string;
  readonly scripts: ScriptBook;
  readonly ledger: Ledger;
}

type ControlRequest = IRequest & { readonly sent: string };

const router = IttyRouter<ControlRequest, [Controlled]>({ base: '/__origin' });

router
  .get('/', (_, { name }) => jsonReply(200, { name }))
  .get('/scripts', (_, { scripts }) => jsonReply(200, scripts.list()))
  .put('/scripts', ({ sent }, { scripts }) => {
    const list = scriptsIn(sent);
    // Checked as a whole first: a wrong list leaves the old one in place.
    scripts.check(...list);
    scripts.clear();
    scripts.add(...list);
    return jsonReply(200, scripts.list());
  })
  .post('/scripts', ({ sent }, { scripts }) => {
    scripts.add(...scriptsIn(sent));
    return jsonReply(200, scripts.list());
  })
  .delete('/scripts', (_, { scripts }) => {
    scripts.clear();
    return jsonReply(200, []);
  })
  .get('/ledger', ({ query }, { ledger }) => jsonReply(200, ledger.entries(filterOf(query))))
  .get('/ledger/wire', ({ query }, { ledger }) => {
    const fields = [query.field ?? []].flat();
    return textReply(200, `${ledger.wire({ ...filterOf(query), fields }).join('\n\n')}\n`);
  })
  .delete('/ledger', (_, { ledger }) => {
    ledger.clear();
    return jsonReply(200, []);
  })
  .all('*', () => textReply(404, 'Below /__origin there are scripts, ledger and ledger/wire\n'));

function scriptsIn(sent: string): unknown[] {
  const value: unknown = JSON.parse(sent);
  return Array.isArray(value) ? value : [value];
}

function filterOf(query: ControlRequest['query']): LedgerFilter {
  const [on] = [query.on ?? []].flat();
  const [after] = [query.after ?? []].flat();
  return { ...(on === undefined ? {} : { on }), after: Number(after ?? 0) };
}

/** 400 with a sentence for scripts that are wrong. */
export async function controlReply(request: ArrivedRequest, controlled: Controlled): Promise<Reply> {
  const { method, target, body } = request;
  try {
    return await router.fetch(
      { method, url: `http://origin${target}`, sent: body } as unknown as ControlRequest,
      controlled,
    );
  } catch (error) {
    return textReply(400, `${error instanceof Error ? error.message : error}\n`);
  }
}
