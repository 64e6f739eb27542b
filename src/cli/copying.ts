import { spawn } from 'node:child_process';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { basename, join, posix, resolve } from 'node:path';
import { Readable, type Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import type { KubeConfig } from '@kubernetes/client-node';
import type { ObjectMeta } from '../base/object.ts';
import type { StreamConnection } from '../host/stream-client.ts';
import { execQuery, exitCodeOf } from '../host/streams.ts';
import { shellScript } from '../hostd/guest/session.ts';
import { Progress } from './progress.ts';
import { openStreamOf } from './streams.ts';

/** A path in the guest of an appliance. */
export interface GuestPath {
  readonly config: KubeConfig;
  readonly appliance: Pick<ObjectMeta, 'name' | 'namespace'>;
  readonly path: string;
}

/** The suffix of a file that is not complete yet. */
const PART = '.coppice-part';

/** $1 where to, $2 its name in an existing folder, $3 mode. Its input is the file. */
const TAKE_FILE = `set -e
to=$1
[ ! -d "$to" ] || to=$to/$2
trap 'b rm -f "$to${PART}"' EXIT
b cat >"$to${PART}"
b chmod "$3" "$to${PART}"
b mv -f "$to${PART}" "$to"
`;

/** $1 where to, $2 its name in an existing folder. Its input is a tar archive of what is in the folder. */
const TAKE_FOLDER = `set -e
to=$1
[ ! -d "$to" ] || to=$to/$2
b mkdir -p "$to"
b tar xf - -C "$to"
`;

/** $1 from where. Its output begins with one line: what it is, and a file's mode. */
const GIVE = `set -e
if [ -d "$1" ]; then
  echo folder
  b tar cf - -C "$1" .
else
  mode=$(b stat -L -c %a "$1")
  echo "file $mode"
  b cat "$1"
fi
`;

/** Copies a file or folder of this machine into a guest. */
export async function upload(from: string, to: GuestPath): Promise<void> {
  const facts = await stat(from);
  const name = basename(resolve(from));
  if (facts.isDirectory()) {
    const program = await run(to, TAKE_FOLDER, [to.path, name], true);
    const archive = tar(['-C', from, '-cf', '-', '.']);
    archive.stdin.end();
    return await send(archive.stdout, program, to, archive.ended);
  }
  if (!facts.isFile()) throw new Error(`${from} is neither a file nor a folder`);
  const mode = (facts.mode & 0o777).toString(8);
  const program = await run(to, TAKE_FILE, [to.path, name, mode], true);
  await send(createReadStream(from), program, to);
}

/** Copies a file or folder of a guest to this machine. */
export async function download(from: GuestPath, to: string): Promise<void> {
  const program = await run(from, GIVE, [from.path], false);
  const said = text(program.stderr);
  const content = program.stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const { line, rest } = await firstLine(content);
  const place = await placeFor(to, posix.basename(posix.resolve('/', from.path)));
  const [what, mode = ''] = line.split(' ');
  if (what === 'folder') return await takeFolder(restOf(rest, content), program, from, place, said);
  if (what === 'file') return await takeFile(restOf(rest, content), program, from, { place, mode }, said);
  await succeeded(program, from, said);
  throw new Error(`the guest of ${from.appliance.name} answered with neither a file nor a folder`);
}

async function run(
  { config, appliance }: GuestPath,
  script: string,
  values: readonly string[],
  stdin: boolean,
): Promise<StreamConnection> {
  return await openStreamOf(
    config,
    appliance,
    'exec',
    execQuery({ command: shellScript(script, values), stdin }),
  );
}

/** The guest's program keeps a copy only when its input ends, so the input is ended only after everything was sent. */
async function send(
  source: Readable,
  program: StreamConnection,
  to: GuestPath,
  ended: Promise<void> = Promise.resolve(),
): Promise<void> {
  const said = text(program.stderr);
  program.stdout.resume();
  const progress = new Progress();
  // The guest program's own error explains more than the closed pipe that follows from it.
  const sending = (async () => {
    await pipeline(source, progress.counter(), program.stdin, { end: false });
    await ended;
    program.stdin.end();
  })().catch((error: Error) => {
    program.close();
    return error;
  });
  try {
    await succeeded(program, to, said);
  } catch (error) {
    const failed = source.errored ?? undefined;
    throw failed ?? error;
  } finally {
    source.destroy();
    await sending;
  }
  progress.finish();
}

async function takeFile(
  content: Readable,
  program: StreamConnection,
  from: GuestPath,
  { place, mode }: { readonly place: string; readonly mode: string },
  said: Promise<string>,
): Promise<void> {
  const part = `${place}${PART}`;
  const progress = new Progress();
  try {
    await pipeline(
      content,
      progress.counter(),
      createWriteStream(part, { mode: Number.parseInt(mode, 8) & 0o777 }),
    );
    await succeeded(program, from, said);
    await rename(part, place);
  } catch (error) {
    program.close();
    await rm(part, { force: true });
    throw error;
  }
  progress.finish();
}

async function takeFolder(
  content: Readable,
  program: StreamConnection,
  from: GuestPath,
  place: string,
  said: Promise<string>,
): Promise<void> {
  await mkdir(place, { recursive: true });
  const archive = tar(['-C', place, '--no-same-owner', '-xf', '-']);
  const progress = new Progress();
  try {
    await pipeline(content, progress.counter(), archive.stdin);
    await archive.ended;
    await succeeded(program, from, said);
  } catch (error) {
    program.close();
    throw error;
  }
  progress.finish();
}

/** Rejects with what the guest's program said, unless it succeeded. */
async function succeeded(
  program: StreamConnection,
  { appliance, path }: GuestPath,
  said: Promise<string>,
): Promise<void> {
  const status = await program.ended;
  const exitCode = exitCodeOf(status);
  if (exitCode === 0) return;
  const why = exitCode === undefined && status.status === 'Failure' ? status.message : (await said).trim();
  throw new Error(`${appliance.name}:${path}: ${why || `its program ended with exit code ${exitCode}`}`);
}

/** An existing folder takes the copy under its own name. */
async function placeFor(to: string, name: string): Promise<string> {
  const facts = await stat(to).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  return facts?.isDirectory() === true ? join(to, name) : to;
}

async function firstLine(
  content: AsyncIterator<Buffer>,
): Promise<{ readonly line: string; readonly rest: Buffer }> {
  let held = Buffer.alloc(0);
  for (;;) {
    const end = held.indexOf('\n');
    if (end >= 0) return { line: held.toString('utf8', 0, end), rest: held.subarray(end + 1) };
    const { value, done } = await content.next();
    if (done === true || held.length > 100) return { line: '', rest: held };
    held = Buffer.concat([held, value]);
  }
}

function restOf(rest: Buffer, content: AsyncIterator<Buffer>): Readable {
  return Readable.from(
    (async function* () {
      if (rest.length > 0) yield rest;
      yield* { [Symbol.asyncIterator]: () => content };
    })(),
    { objectMode: false },
  );
}

/** This machine's tar. `ended` rejects with what it said when it fails. */
function tar(args: readonly string[]): { stdin: Writable; stdout: Readable; ended: Promise<void> } {
  const child = spawn('tar', args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const said = text(child.stderr);
  const ended = new Promise<void>((done, reject) => {
    child.once('error', (error) => reject(new Error(`tar cannot be run here: ${error.message}`)));
    child.once('close', (code) => {
      if (code === 0) done();
      else said.then((words) => reject(new Error(`tar: ${words.trim() || `exit code ${code}`}`)), reject);
    });
  });
  // Somebody waits for it later, or has failed already.
  ended.catch(() => undefined);
  return { stdin: child.stdin, stdout: child.stdout, ended };
}
