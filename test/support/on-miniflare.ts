// A Worker of this repository on miniflare: the other runtime that the product and the origins must run on.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { convertV4MiniflareOptions, Miniflare } from 'miniflare';
import { buildBundle } from '../../local/build-bundle.ts';
import { readWranglerConfig } from '../../local/wrangler-config.ts';

export interface OnMiniflare {
  /** Without a slash at the end. */
  readonly url: string;
  stop(): Promise<void>;
}

export interface MiniflareWorker {
  readonly entry: string;
  /** Its wrangler.toml, relative to the repository. */
  readonly config: string;
  readonly variables: Readonly<Record<string, string>>;
}

export async function onMiniflare({ entry, config, variables }: MiniflareWorker): Promise<OnMiniflare> {
  const { folder, modules } = await buildBundle({ entry, config });
  const wrangler = readWranglerConfig(config);
  const runtime = new Miniflare(
    convertV4MiniflareOptions({
      name: 'worker',
      compatibilityDate: wrangler.compatibilityDate,
      modules: modules.map((path) => ({
        type: 'ESModule',
        path,
        contents: readFileSync(join(folder, path), 'utf8'),
      })),
      bindings: { ...variables },
      durableObjects: Object.fromEntries(
        wrangler.durableObjects.map(({ name, className }) => [name, { className, useSQLite: true }]),
      ),
    }),
  );
  const url = await runtime.ready;
  return { url: url.origin, stop: () => runtime.dispose() };
}
