import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { posix } from 'node:path';
import { untilAborted } from '../../base/abort.ts';
import type { GuestAction } from '../../domain/services/types.ts';
import { HostError, hostErrors, messageOf, toHostError } from '../errors/index.ts';
import type { Guest } from './guest.ts';
import type { PackageContent } from './packages/describe.ts';
import { reportsFullDisk, shellScript } from './session.ts';
import { requireSpace } from './space.ts';
import { once } from './transfer.ts';

type PutPackage = Extract<GuestAction, { kind: 'putPackage' }>;
type PutFiles = Extract<GuestAction, { kind: 'putFiles' }>;
type Unpack = NonNullable<PutPackage['unpack']>;

/** Allowed before the first and after the last byte of a transfer. */
const transferMs = 60_000;
const unpackMs = 600_000;
/** An emulated guest takes some megabytes a second; much more time is allowed, for hosts on which many guests boot at once. */
const slowestBytesPerMs = 64;

/** In the folder itself, not by its path: an attempt that was given up and still unpacks must not write into that of the next. */
const unpackScripts = {
  tar: 'cd "$2" && b tar -xof "$1"',
  'tar.gz': 'cd "$2" && b tar -xozf "$1"',
  zip: 'cd "$2" && b unzip -q -o "$1" -d .',
} as const satisfies Record<Unpack, string>;

const emptyScript = 'cd "$1" && b rm -rf ./* ./.[!.]* ./..?*';

/**
 * Carries out a plan's actions in the guest, in order; stops at the first that fails. Rejects with `GuestCommandFailed`
 * (exit code and last output), `GuestDiskFull` (before anything is transferred, where that can be known) or what the
 * {@link Guest} rejects with, each with the action's title; when it is aborted, with the signal's reason.
 */
export async function runActions(
  guest: Guest,
  actions: readonly GuestAction[],
  content: PackageContent,
  signal: AbortSignal,
): Promise<void> {
  for (const action of actions) {
    signal.throwIfAborted();
    try {
      await runAction(guest, action, content, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw titled(action.title, toHostError(error));
    }
  }
}

/** The error of a command that failed has the title already. */
function titled(title: string, error: HostError): HostError {
  if (error.message.includes(title)) return error;
  return new HostError(error.reason, `could not ${title}: ${error.message}`, {
    kind: error.kind,
    cause: error,
  });
}

async function runAction(
  guest: Guest,
  action: GuestAction,
  content: PackageContent,
  signal: AbortSignal,
): Promise<void> {
  switch (action.kind) {
    case 'exec':
      return mustSucceed(guest, action.title, action.argv, action.timeoutSeconds * 1000, action.env);
    case 'putPackage':
      if (content.kind !== 'archive') throw new Error(`the package is of kind ${content.kind}, not a file`);
      return putPackage(guest, action, content.path, signal);
    case 'putFiles':
      if (content.kind !== 'files') throw new Error(`the package is of kind ${content.kind}, not files`);
      return putFiles(guest, action, content.files, signal);
  }
}

async function putPackage(
  guest: Guest,
  { title, path, unpack, unpackedBytes = 0 }: PutPackage,
  file: string,
  signal: AbortSignal,
): Promise<void> {
  const { size } = await stat(file);
  await requireSpace(guest, unpack === undefined ? posix.dirname(path) : path, size + unpackedBytes);
  const content = { content: contentOf(file), size };
  if (unpack === undefined) return write(guest, path, content, signal);
  const target = `${path}/.coppice-package`;
  const script = `${unpackScripts[unpack]} && b rm -f "$1"`;
  await orRemoved(guest, path, signal, async () => {
    await write(guest, target, content, signal);
    await mustSucceed(guest, title, shellScript(script, [target, path]), unpackMs);
  });
}

/** What an attempt that failed has transferred would keep a full disk full, of which the service that runs needs some. */
async function orRemoved(
  guest: Guest,
  directory: string,
  signal: AbortSignal,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    // A silent agent removes nothing either, and after an abort the next attempt may have begun: it empties the directory itself.
    const isSilent = error instanceof HostError && error.reason === 'AgentUnavailable';
    if (!isSilent && !signal.aborted) {
      await guest.exec(shellScript(emptyScript, [directory]), { timeoutMs: transferMs }).catch(messageOf);
    }
    throw error;
  }
}

async function putFiles(
  guest: Guest,
  { directory }: PutFiles,
  files: Readonly<Record<string, Uint8Array>>,
  signal: AbortSignal,
): Promise<void> {
  const total = Object.values(files).reduce((sum, { length }) => sum + length, 0);
  await requireSpace(guest, directory, total);
  await orRemoved(guest, directory, signal, async () => {
    for (const [name, bytes] of Object.entries(files)) {
      await write(guest, below(directory, name), { content: once(bytes), size: bytes.length }, signal);
    }
  });
}

/** A name that leads out of the directory would write anywhere in the guest. */
function below(directory: string, name: string): string {
  const path = posix.join(directory, name);
  if (path.startsWith(`${posix.normalize(directory)}/`)) return path;
  throw hostErrors.packageFileOutside(name);
}

type Content = { readonly content: AsyncIterable<Uint8Array>; readonly size: number };

/** The plan makes the directory again for every try, so what an interrupted try has written there does no harm. */
function write(guest: Guest, path: string, { content, size }: Content, signal: AbortSignal): Promise<void> {
  const timeoutMs = transferMs + Math.ceil(size / slowestBytesPerMs);
  return guest.writeFile(path, untilAborted(content, signal), { timeoutMs });
}

/** The file is opened only when it is read, so that nothing stays open when that never happens. */
async function* contentOf(file: string): AsyncGenerator<Uint8Array, void, undefined> {
  yield* createReadStream(file);
}

async function mustSucceed(
  guest: Guest,
  title: string,
  argv: readonly string[],
  timeoutMs: number,
  env?: Readonly<Record<string, string>>,
): Promise<void> {
  const { exitCode, stdout, stderr } = await guest.exec(argv, {
    timeoutMs,
    ...(env === undefined ? {} : { env }),
  });
  if (exitCode === 0) return;
  const output = stderr.trim() || stdout;
  if (reportsFullDisk(output)) throw hostErrors.guestDiskFilled(output);
  throw hostErrors.guestCommandFailed(title, exitCode, output);
}
