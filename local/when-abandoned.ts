// Notices that the npm which started this process is gone: then nobody is left to press Ctrl-C.
import { commandOf, parentOf } from './process-table.ts';

const POLL_MS = process.platform === 'linux' ? 100 : 1_000;

/** Calls back at most once. Does nothing outside of npm: a process started by hand may outlive its shell. */
export function whenAbandoned(callBack: () => void): void {
  if (!process.env.npm_lifecycle_event) return;
  // npm runs scripts through a shell, which does not end with it.
  const shell = process.ppid;
  const npm = parentOf(shell);
  const watchesNpm = npm !== null && /\bnpm\b/.test(commandOf(npm) ?? '');
  const timer = setInterval(() => {
    if (process.ppid === shell && (!watchesNpm || parentOf(shell) === npm)) return;
    clearInterval(timer);
    callBack();
  }, POLL_MS);
  timer.unref();
}
