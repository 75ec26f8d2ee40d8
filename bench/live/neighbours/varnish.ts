// Varnish with its own defaults, as many threads as it likes: its cache in memory.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Recipe } from './neighbour.ts';

export const varnish: Recipe = {
  name: 'varnish',
  command: 'varnishd',
  versionFlag: '-V',
  roles: ['cache'],
  prepare(folder, ports, { cached }) {
    const { hostname, port } = new URL(cached);
    const file = join(folder, 'lab.vcl');
    writeFileSync(file, `vcl 4.1;\nbackend origin { .host = "${hostname}"; .port = "${port}"; }\n`);
    const address = `127.0.0.1:${ports.get('cache')}`;
    return ['-F', '-j', 'none', '-n', join(folder, 'work'), '-a', address, '-f', file, '-s', 'malloc,64m'];
  },
};
