// `npm run dev`: wrangler dev with reload. Arguments are handed on: `npm run dev -- --port 9000`.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from './repository.ts';

const given = process.argv.slice(2);
const args = ['dev', ...given];
const defaults = { '--ip': '127.0.0.1', '--port': '8787', '--persist-to': '.roundel/dev' };
for (const [flag, value] of Object.entries(defaults)) {
  // wrangler refuses a flag that comes twice.
  if (!given.some((arg) => arg === flag || arg.startsWith(`${flag}=`))) args.push(flag, value);
}
// Secrets of one's own belong into .dev.vars, which git ignores.
if (!existsSync(join(repository, '.dev.vars'))) {
  const token = process.env.ROUNDEL_ADMIN_TOKEN || 'dev-token';
  args.push('--var', `ROUNDEL_ADMIN_TOKEN:${token}`);
  console.error(`roundel: the admin token is "${token}"`);
}

// It runs on this machine alone: no metrics, no look for a newer version, no request for a sample of request.cf.
const quiet = {
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_HIDE_BANNER: 'true',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
};
const wrangler = spawn(
  process.execPath,
  [join(repository, 'node_modules/wrangler/bin/wrangler.js'), ...args],
  { cwd: repository, stdio: 'inherit', env: { ...process.env, ...quiet } },
);
// Ctrl-C reaches wrangler too: wait for it to end.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => wrangler.kill('SIGTERM'));
wrangler.on('exit', (status) => process.exit(status ?? 1));
