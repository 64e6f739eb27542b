import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { posix } from 'node:path';
import { orAborted, untilAborted } from '../../../base/abort.ts';
import type { DesiredBuildStep } from '../../../host/protocol.ts';
import { hostErrors } from '../../errors/index.ts';
import { shellScript } from '../../guest/session.ts';
import type { Scope } from '../scope.ts';
import { BuildLog } from './log.ts';

type CopyStep = Extract<DesiredBuildStep, { kind: 'copy' }>;
type File = { readonly path: string; readonly bytes: number; content(): AsyncIterable<Uint8Array> };

const TIMEOUT_MS = 60_000;
/** An emulated guest takes some megabytes a second. */
const SLOWEST_BYTES_PER_MS = 64;

/** $1 the unfinished file, $2 its folder: only root may read what comes. */
const begin = 'umask 022 && b mkdir -p "$2" && umask 077 && b rm -f "$1" && : >"$1"';
/** $1 the unfinished file, $2 the file, $3 its mode, $4 its owner or nothing. Another owner takes some bits of the mode away. */
const finish = `{ [ -z "$4" ] || b chown "$4" "$1"; } && b chmod "$3" "$1" && b mv -f "$1" "$2"`;

/** Puts the files of a step into the guest, each whole or not at all; may be repeated. */
export async function copyIntoGuest(scope: Scope, step: CopyStep, signal: AbortSignal): Promise<void> {
  const log = new BuildLog(scope.directory.buildLogPath);
  for (const file of await filesOf(scope, step, signal)) {
    const partial = `${file.path}.coppice-new`;
    await run(scope, `write ${file.path}`, shellScript(begin, [partial, posix.dirname(file.path)]), signal);
    const timeoutMs = TIMEOUT_MS + Math.ceil(file.bytes / SLOWEST_BYTES_PER_MS);
    await orAborted(
      scope.guest.writeFile(partial, untilAborted(file.content(), signal), { timeoutMs }),
      signal,
    );
    const values = [partial, file.path, step.mode ?? '0644', step.owner ?? ''];
    await run(scope, `give ${file.path} its mode and owner`, shellScript(finish, values), signal);
    await log.append(Buffer.from(`${file.path}: ${file.bytes} bytes\n`));
  }
}

async function filesOf(
  { host }: Scope,
  { content, to }: CopyStep,
  signal: AbortSignal,
): Promise<readonly File[]> {
  switch (content.kind) {
    case 'bytes':
      return [inMemory(to, content.base64)];
    case 'files':
      return Object.entries(content.files).map(([name, base64]) => inMemory(posix.join(to, name), base64));
    case 'url': {
      await host.packages.fetch(content.url, content.sha256, signal);
      const path = host.packages.path(content.sha256);
      const { size } = await stat(path);
      return [{ path: to, bytes: size, content: () => createReadStream(path) }];
    }
  }
}

function inMemory(path: string, base64: string): File {
  const bytes = Buffer.from(base64, 'base64');
  return {
    path,
    bytes: bytes.length,
    content: async function* () {
      yield bytes;
    },
  };
}

async function run(
  { guest }: Scope,
  title: string,
  argv: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const { exitCode, stderr } = await orAborted(guest.exec(argv, { timeoutMs: TIMEOUT_MS }), signal);
  if (exitCode !== 0) throw hostErrors.guestCommandFailed(title, exitCode, stderr);
}
