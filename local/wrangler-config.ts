// The few facts of wrangler.toml that plain workerd needs too, so that they are written once.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from './repository.ts';

export interface DurableObjectBinding {
  /** Name in the Worker's env. */
  readonly name: string;
  readonly className: string;
}

export interface WranglerConfig {
  /** Entry of the Worker, relative to the repository. */
  readonly main: string;
  readonly compatibilityDate: string;
  readonly compatibilityFlags: readonly string[];
  readonly durableObjects: readonly DurableObjectBinding[];
}

/**
 * `file` is relative to the repository. Reads the plain shape that this repository's files have: no TOML library is
 * needed for that, and a test compares the result with what wrangler reads.
 */
export function readWranglerConfig(file = 'wrangler.toml'): WranglerConfig {
  const text = readFileSync(join(repository, file), 'utf8');
  const bindings = text.matchAll(
    /^\[\[durable_objects\.bindings\]\]\nname = "(\w+)"\nclass_name = "(\w+)"/gm,
  );
  const flags = /^compatibility_flags = \[(.*)\]/m.exec(text)?.[1] ?? '';
  return {
    main: one(text, 'main'),
    compatibilityDate: one(text, 'compatibility_date'),
    compatibilityFlags: [...flags.matchAll(/"([^"]+)"/g)].map((match) => match[1] ?? ''),
    durableObjects: [...bindings].map(([, name = '', className = '']) => ({ name, className })),
  };
}

function one(text: string, key: string): string {
  const value = new RegExp(`^${key} = "([^"]+)"`, 'm').exec(text)?.[1];
  if (!value) throw new Error(`Cannot find ${key} in wrangler.toml`);
  return value;
}
