// Installs the locked dependencies when they are missing or the lock file has changed since.
// Runs before everything else, on whatever Node the machine has (≥ 20): built-ins only.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const marker = `${root}node_modules/.roundel-installed`;
const lockDigest = createHash('sha256')
  .update(readFileSync(`${root}package-lock.json`))
  .digest('hex');

const major = Number(process.versions.node.split('.')[0]);
if (major < 20) {
  console.error(`roundel: needs Node 20 or newer, this is ${process.version}`);
  process.exit(1);
}

if (!existsSync(marker) || readFileSync(marker, 'utf8') !== lockDigest) {
  console.error('roundel: installing dependencies (once) …');
  // npm warns that some packages ask for Node ≥ 22: they get it from the `node` package that is installed here.
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const { status, error } = spawnSync(npm, ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (status !== 0) {
    console.error(`roundel: installing dependencies failed${error ? `: ${error.message}` : ''}`);
    process.exit(status ?? 1);
  }
  writeFileSync(marker, lockDigest);
}
