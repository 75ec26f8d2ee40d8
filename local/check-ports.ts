// Looks whether every port is free before anything is started.
import { createServer } from 'node:net';
import { StartError } from './start-error.ts';

export interface WantedPort {
  readonly host: string;
  /** 0 is always free. */
  readonly port: number;
  /** For the message: "the edge", "mock origin a". */
  readonly what: string;
  /** The flag that chooses another one. */
  readonly flag: string;
}

/** A run that was killed a moment ago may still be letting go of its ports. */
const PATIENCE_MS = 1_000;
const POLL_MS = 50;

/** Throws a StartError for the first port that cannot be had. */
export async function checkPorts(wanted: readonly WantedPort[]): Promise<void> {
  const fixed = wanted.filter(({ port }) => port !== 0);
  for (const [i, { port, what, flag }] of fixed.entries()) {
    const other = fixed.slice(0, i).find((earlier) => earlier.port === port);
    if (other)
      throw new StartError(
        `Cannot give port ${port} to ${what}: ${other.what} has it; choose another with ${flag}`,
      );
  }
  for (const { host, port, what, flag } of fixed) {
    const deadlineAt = Date.now() + PATIENCE_MS;
    let problem = await problemOf(host, port);
    while (problem?.mayPass && Date.now() < deadlineAt) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      problem = await problemOf(host, port);
    }
    if (problem) {
      const choice = problem.isOfHost ? '--host' : flag;
      throw new StartError(`Cannot start ${what}: ${problem.text}; choose another with ${choice}`);
    }
  }
}

interface Problem {
  readonly text: string;
  readonly isOfHost: boolean;
  /** Looking again a moment later may help. */
  readonly mayPass: boolean;
}

function problemOf(host: string, port: number): Promise<Problem | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      const ofPort = { isOfHost: false, mayPass: error.code === 'EADDRINUSE' };
      if (error.code === 'EADDRINUSE') resolve({ text: `port ${port} on ${host} is in use`, ...ofPort });
      else if (error.code === 'EACCES')
        resolve({ text: `port ${port} on ${host} is not allowed`, ...ofPort });
      else {
        const text = `this machine has no address ${host} to listen on (${error.code ?? error.message})`;
        resolve({ text, isOfHost: true, mayPass: false });
      }
    });
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)));
  });
}
