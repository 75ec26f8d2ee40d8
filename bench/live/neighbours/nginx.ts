// nginx in one process, as workerd has one thread for our Worker: a constant answer, a proxy that keeps its connections
// to the origins, and its cache.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BODY_BYTES } from '../../overhead/plain-answer.ts';
import type { Recipe } from './neighbour.ts';

const hostOf = (url: string) => new URL(url).host;

export const nginx: Recipe = {
  name: 'nginx',
  command: 'nginx',
  versionFlag: '-v',
  roles: ['constant', 'proxy', 'cache'],
  prepare(folder, ports, { proxied, cached }) {
    const file = join(folder, 'nginx.conf');
    const upstream = (name: string, urls: readonly string[]) =>
      `upstream ${name} { ${urls.map((url) => `server ${hostOf(url)};`).join(' ')} keepalive 128; keepalive_requests 1000000000; }`;
    const server = (role: string, location: string) =>
      `server { listen 127.0.0.1:${ports.get(role)} backlog=1024; location / { ${location} } }`;
    const pass = (name: string) =>
      `proxy_pass http://${name}; proxy_http_version 1.1; proxy_set_header Connection "";`;
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (kind) => `${kind}_temp_path ${join(folder, kind)};`,
    );
    writeFileSync(
      file,
      `daemon off; master_process off; pid ${join(folder, 'pid')}; error_log stderr error;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 1000000000; ${temporary.join(' ')}
  proxy_cache_path ${join(folder, 'cache')} keys_zone=lab:4m use_temp_path=off;
  ${upstream('proxied', proxied)}
  ${upstream('cached', [cached])}
  ${server('constant', `default_type text/plain; return 200 "${'x'.repeat(BODY_BYTES)}";`)}
  ${server('proxy', pass('proxied'))}
  ${server('cache', `${pass('cached')} proxy_cache lab;`)}
}
`,
    );
    return ['-p', folder, '-c', file];
  },
};
