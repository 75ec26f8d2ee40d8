// Ends a workerd whose starter is gone, however it went: nobody would stop it any more. Run as a process of its own,
// with the workerd's pid as argument and standard input from the starter, which the system closes with it.
import { commandOf } from './process-table.ts';

const pid = Number(process.argv[2]);

process.stdin.resume().on('close', () => {
  // The number may be somebody else's by now.
  if (commandOf(pid)?.includes('workerd')) process.kill(pid, 'SIGKILL');
});
