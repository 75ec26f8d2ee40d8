// Which configuration a start brings with it, and whether the state has it already.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { parseConfig } from '../core/config/parse-config.ts';
import { adoptConfig } from './adopt-config.ts';
import { isDemoConfig } from './demo-config.ts';
import { documentDigest } from './document-digest.ts';
import type { Control } from './serve-edge.ts';
import { StartError, sentenceOf } from './start-error.ts';

export type InitialConfig =
  | { readonly type: 'file'; readonly path: string; readonly text: string }
  /** Only for a state that holds nothing else. */
  | { readonly type: 'demo'; readonly text: string };

/** Throws a StartError that names every bad field. `folder` is where a relative path starts. */
export function readConfigFile(file: string, folder: string): InitialConfig {
  const path = isAbsolute(file) ? file : resolve(folder, file);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const isFolder = (error as NodeJS.ErrnoException).code === 'EISDIR';
    const inWay = isFolder ? 'it is a folder, not a file' : sentenceOf(error);
    const reason = existsSync(path) ? inWay : 'there is no such file';
    throw new StartError(`Cannot read the configuration ${path}: ${reason}`);
  }
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new StartError(`Cannot use the configuration ${path}: not JSON: ${sentenceOf(error)}`);
  }
  const parsed = parseConfig(document);
  if (parsed.ok) return { type: 'file', path, text };
  const fields = parsed.errors.map((error) => `${error.path || 'the document'}: ${error.message}`);
  throw new StartError(`Cannot use the configuration ${path}: ${fields.join('; ')}`);
}

/**
 * The step that hands it to the edge; null when the state has it from an earlier start. The Directory decides in the
 * end: the note in the state folder only spares the step.
 */
export function adoptionOf(
  config: InitialConfig,
  stateFolder: string,
): ((control: Control) => Promise<void>) | null {
  const noteFile = join(stateFolder, 'config-given');
  const note = `${config.type} ${documentDigest(config.text)}\n`;
  if (existsSync(noteFile) && readFileSync(noteFile, 'utf8') === note) return null;
  return async (control) => {
    if (config.type === 'file' || (await mayShowDemo(control))) {
      await adoptConfig(
        control,
        config.text,
        config.type === 'file' ? config.path : 'the demo configuration',
      );
      writeFileSync(noteFile, note);
    }
  };
}

async function mayShowDemo(control: Control): Promise<boolean> {
  const { status, body } = await control('/v1/config');
  if (status !== 200) throw new StartError(`Cannot read the current configuration: ${status} ${body}`);
  const { version, config } = JSON.parse(body) as { version: number; config: unknown };
  const isEmpty = JSON.stringify(config) === JSON.stringify({ pools: {}, routes: [] });
  return (version === 1 && isEmpty) || isDemoConfig(config);
}
