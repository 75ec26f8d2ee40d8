// A thread that runs seeds, of the code as it is or with one deliberate bug in it. The bug has to be in place before the
// first module of the code under test is loaded, hence the late import.
import { parentPort, workerData } from 'node:worker_threads';
import type { Mutant } from '../mutants/mutant.ts';
import { plant } from '../mutants/plant.ts';
import type { Job } from './job.ts';

const { mutant } = workerData as { readonly mutant: Mutant | null };
if (mutant !== null) plant(mutant);
const { runJob } = await import('./run-job.ts');

parentPort?.on('message', (job: Job) => parentPort?.postMessage(runJob(job)));
