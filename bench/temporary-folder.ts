// A folder of its own for what a lab starts, gone with the lab however that ends.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folders = new Set<string>();
process.on('exit', () => {
  for (const folder of folders) removeFolder(folder);
});

/** `name`: what lies in it, a part of its name. */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `roundel-${name}-`));
  folders.add(folder);
  return folder;
}

/** Who writes into it must be gone. Does nothing where it is gone itself. */
export function removeFolder(folder: string): void {
  folders.delete(folder);
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}
