// Threads that run jobs, a bounded number at a time, each job on whichever is free.
import { Worker } from 'node:worker_threads';
import type { Mutant } from '../mutants/mutant.ts';
import type { Job, JobResult } from './job.ts';

/** One thread; jobs one after the other. Ends with `close`. */
export class JobThread {
  private readonly worker: Worker;

  constructor(mutant: Mutant | null) {
    this.worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: { mutant } });
  }

  run(job: Job): Promise<JobResult> {
    return new Promise((resolve, reject) => {
      const { worker } = this;
      const settle = (end: () => void): void => {
        worker.off('message', onMessage);
        worker.off('error', onError);
        worker.off('exit', onExit);
        end();
      };
      const onMessage = (result: JobResult): void => settle(() => resolve(result));
      const onError = (error: Error): void => settle(() => reject(error));
      const onExit = (): void => settle(() => reject(new Error('a thread of the simulator ended by itself')));
      worker.on('message', onMessage);
      worker.on('error', onError);
      worker.on('exit', onExit);
      worker.postMessage(job);
    });
  }

  async close(): Promise<void> {
    await this.worker.terminate();
  }
}

/** Runs `jobs` on so many threads; `onResult` hears of each as it ends, and may say that the rest is not needed. */
export async function runJobs(
  jobs: readonly Job[],
  threads: number,
  onResult: (result: JobResult) => 'go-on' | 'stop',
): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    const thread = new JobThread(null);
    try {
      for (;;) {
        const job = jobs[next++];
        if (job === undefined) return;
        if (onResult(await thread.run(job)) === 'stop') next = jobs.length;
      }
    } finally {
      await thread.close();
    }
  };
  await Promise.all(Array.from({ length: Math.min(threads, jobs.length) }, work));
}
