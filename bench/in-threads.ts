// Work that needs no clock and no socket, on as many threads as there are cores.
import { type MessagePort, Worker } from 'node:worker_threads';

/**
 * Answers in the order of the tasks, whichever thread did which. `module` answers every message with one (see
 * `answerTasks`); `onBegin` hears of each task and of how many are done. Rejects with what a thread throws.
 */
export function inThreads<Task, Answer>(
  module: URL,
  tasks: readonly Task[],
  threads: number,
  onBegin: (task: Task, done: number) => void,
): Promise<Answer[]> {
  const answers: Answer[] = new Array(tasks.length);
  let next = 0;
  let done = 0;
  const workOff = (worker: Worker) =>
    new Promise<void>((resolve, reject) => {
      let current = 0;
      const begin = (): void => {
        if (next >= tasks.length) {
          resolve();
          return;
        }
        current = next++;
        const task = tasks[current] as Task;
        onBegin(task, done);
        worker.postMessage(task);
      };
      worker.on('message', (answer: Answer) => {
        answers[current] = answer;
        done++;
        begin();
      });
      worker.on('error', reject);
      begin();
    });
  const workers = Array.from({ length: Math.min(threads, tasks.length) }, () => new Worker(module));
  return Promise.all(workers.map(workOff))
    .then(() => answers)
    .finally(() => Promise.all(workers.map((worker) => worker.terminate())));
}

/** The other side: what such a module does with its thread's port. */
export function answerTasks<Task, Answer>(port: MessagePort | null, answer: (task: Task) => Answer): void {
  port?.on('message', (task: Task) => port.postMessage(answer(task)));
}
