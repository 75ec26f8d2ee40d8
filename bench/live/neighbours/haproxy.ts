// HAProxy with one thread, as workerd has one for our Worker: a proxy that keeps its connections to the origins.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Recipe } from './neighbour.ts';

export const haproxy: Recipe = {
  name: 'haproxy',
  command: 'haproxy',
  versionFlag: '-v',
  roles: ['proxy'],
  prepare(folder, ports, { proxied }) {
    const file = join(folder, 'haproxy.cfg');
    const servers = proxied.map((url, i) => `  server s${i} ${new URL(url).host}`);
    writeFileSync(
      file,
      `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend lab
  bind 127.0.0.1:${ports.get('proxy')}
  default_backend origins
backend origins
  balance roundrobin
${servers.join('\n')}
`,
    );
    return ['-db', '-f', file];
  },
};
