// A configuration that the caller names, by the product's own schema; what is wrong with it, in one line.
import { parseConfig } from '../../core/config/parse-config.ts';
import type { Config } from '../../core/config/schema.ts';
import { InputError } from '../input-error.ts';
import { readText } from '../read-text.ts';

/** @param path resolved @param name as the caller wrote it */
export function readConfig(path: string, name: string): Config {
  const text = readText(path, `the configuration ${name}`);
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    const { message } = error as Error;
    throw new InputError(
      `Cannot use the configuration ${name}: it is not JSON (${message.replaceAll('\n', ' ')})`,
    );
  }
  const parsed = parseConfig(document);
  if (parsed.ok) return parsed.config;
  const [first, ...others] = parsed.errors;
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  throw new InputError(
    `Cannot use the configuration ${name}: ${first?.path || 'it'} ${first?.message ?? 'is not valid'}${more}`,
  );
}
