// What `npm start` prints once requests can be served.
import type { ServedEdge } from './serve-edge.ts';

export interface WelcomeInput {
  readonly edge: Pick<ServedEdge, 'prefix'>;
  readonly url: string;
  readonly adminToken: string;
  readonly mocks: boolean;
  readonly file: { readonly type: string } | null;
}

export function welcome({ edge, url, adminToken, mocks, file }: WelcomeInput): string {
  const control = `${url}${edge.prefix}`;
  const bearer = `-H "Authorization: Bearer ${adminToken}"`;
  const isDemo = mocks && !file;
  const tries = isDemo
    ? [
        `curl -i ${url}/hello                # another backend every time: see Roundel-Backend`,
        `curl -i ${url}/cache/60             # twice: the second is a hit, see Cache-Status`,
        `curl ${bearer} ${control}/v1/health`,
      ]
    : [`curl -i ${url}/`, `curl ${bearer} ${control}/v1/config`, `curl ${bearer} ${control}/v1/health`];
  return [
    '',
    `  edge           ${url}`,
    `  control plane  ${control}/v1`,
    `  admin token    ${adminToken}`,
    '',
    ...tries.map((line) => `  ${line}`),
    '',
    '  Ctrl-C stops everything.',
    '',
  ].join('\n');
}
