// The folder that survives restarts: the objects' storage, the admin token, and a note of who is using it, since two
// workerds on one storage would destroy it.
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { commandOf, isRunning } from './process-table.ts';
import { StartError, sentenceOf } from './start-error.ts';

export interface StateFolder {
  readonly path: string;
  readonly objectsFolder: string;
  readonly configFile: string;
  /** Generated once, mode 600. */
  adminToken(): string;
  /** Notes the workerd that this start runs, so that a later start can end it if this one is killed. */
  noteWorkerd(pid: number): void;
  release(): void;
}

interface Note {
  readonly pid: number;
  /** Command line of that process: another one may carry its number later. */
  readonly command: string | null;
  readonly workerdPid: number | null;
}

/** How long to wait for an earlier run that is just ending. */
const HANDOVER_MS = 5_000;
const HANDOVER_POLL_MS = 50;

/** Throws a StartError when the folder cannot be written or another run is using it. */
export async function openStateFolder(path: string): Promise<StateFolder> {
  const noteFile = join(path, 'running.json');
  const objectsFolder = join(path, 'objects');
  const configFile = join(path, 'workerd.capnp');
  try {
    makeFolder(objectsFolder);
    await takeNote(noteFile, configFile);
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError(
      `Cannot write the state folder ${path}: ${sentenceOf(error)}; choose another with --state`,
    );
  }
  return {
    path,
    objectsFolder,
    configFile,
    adminToken: () => keptToken(join(path, 'admin-token')),
    noteWorkerd: (workerdPid) => writeNote(noteFile, { ...me(), workerdPid }),
    release: () => {
      if (readNote(noteFile)?.pid === process.pid) rmSync(noteFile, { force: true });
    },
  };
}

/** Like `mkdir -p`, which Node's own recursive variant is not everywhere: below /proc it never returns. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  if (dirname(path) !== path) makeFolder(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}

async function takeNote(noteFile: string, configFile: string): Promise<void> {
  const deadlineAt = Date.now() + HANDOVER_MS;
  for (;;) {
    try {
      writeNote(noteFile, { ...me(), workerdPid: null }, 'wx');
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const note = readNote(noteFile);
    const owner = note && note.pid !== process.pid && isOwner(note) ? note.pid : null;
    if (owner === null) {
      if (note) endOrphan(note, configFile);
      rmSync(noteFile, { force: true });
    } else if (Date.now() > deadlineAt) {
      throw new StartError(
        `The state folder is in use by the process ${owner}: stop that one, or choose another folder with --state`,
      );
    } else {
      await new Promise((resolve) => setTimeout(resolve, HANDOVER_POLL_MS));
    }
  }
}

const me = () => ({ pid: process.pid, command: commandOf(process.pid) });
const isOwner = ({ pid, command }: Note): boolean => command !== null && commandOf(pid) === command;

/** A workerd whose starter was killed would hold the port and the storage. It is ours if it runs our configuration. */
function endOrphan({ workerdPid }: Note, configFile: string): void {
  if (workerdPid === null || !commandOf(workerdPid)?.includes(configFile)) return;
  process.kill(workerdPid, 'SIGKILL');
  const deadlineAt = Date.now() + HANDOVER_MS;
  const cell = new Int32Array(new SharedArrayBuffer(4));
  while (isRunning(workerdPid) && Date.now() < deadlineAt) Atomics.wait(cell, 0, 0, 10);
}

function readNote(file: string): Note | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Note;
  } catch {
    return null;
  }
}

function writeNote(file: string, note: Note, flag = 'w'): void {
  writeFileSync(file, `${JSON.stringify(note)}\n`, { flag, mode: 0o600 });
}

function keptToken(file: string): string {
  try {
    const kept = readFileSync(file, 'utf8').trim();
    chmodSync(file, 0o600);
    if (kept !== '') return kept;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new StartError(`Cannot read the admin token: ${sentenceOf(error)}`);
    }
  }
  const token = randomBytes(24).toString('base64url');
  writeFileSync(file, `${token}\n`, { mode: 0o600 });
  return token;
}
