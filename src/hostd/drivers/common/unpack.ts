import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { type HostError, hostErrors } from '../../errors/index.ts';
import { locate } from '../../programs.ts';
import type { ImageTool, Packing } from '../driver.ts';

type UnpackConfig = {
  /** Where programs are looked for, as `PATH`. */
  readonly searchPath: string;
  /** How long even the smallest file may take; ten minutes by default. */
  readonly unpackShortMs?: number;
};

type Unpacker = { readonly argv: readonly [string, ...string[]]; readonly debian: string };

const UNPACKERS: Readonly<Record<Packing, Unpacker>> = {
  gzip: { argv: ['gzip', '-dc'], debian: 'gzip' },
  xz: { argv: ['xz', '-dc', '--threads=1'], debian: 'xz-utils' },
  // Its own limit is that of the window which it uses without being asked.
  zstd: { argv: ['zstd', '-dcq', '--memory=1024MB'], debian: 'zstd' },
  bzip2: { argv: ['bzip2', '-dc'], debian: 'bzip2' },
};

/** Files of any preset unpack in a tenth of it. */
const MEMORY_BYTES = 2 * 1024 ** 3;
const SHORT_MS = 10 * 60_000;
/** What a slow host does at the least, in bytes of the packed file. */
const BYTES_PER_MS = 4096;
const QUOTED_CHARACTERS = 300;

/**
 * Unpacks with Debian's programs, each run with limits of time and memory, and never longer than the daemon: strangers wrote what they
 * read, and it may have been made to unpack without end.
 */
export function createUnpack({ searchPath, unpackShortMs = SHORT_MS }: UnpackConfig): ImageTool['unpack'] {
  return async function* unpack(path, packing, what, signal) {
    signal?.throwIfAborted();
    const [program, ...argv] = await commandLine(packing, what, searchPath);
    const timeoutMs = unpackShortMs + Math.ceil((await stat(path)).size / BYTES_PER_MS);
    const file = await open(resolve(path), 'r');
    const child = spawn(program, argv, {
      stdio: [file.fd, 'pipe', 'pipe'],
      // Variables such as XZ_OPT would change what it does, and a locale its words.
      env: { LC_ALL: 'C' },
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    });
    const ended = endingOf(child);
    const abort = () => child.kill('SIGKILL');
    signal?.addEventListener('abort', abort, { once: true });
    try {
      // At once: what nobody listens to is lost when the program ends.
      yield* child.stdout as Readable & AsyncIterable<Uint8Array>;
      const ending = await ended;
      signal?.throwIfAborted();
      const failure = failureOf(ending, packing, what, timeoutMs);
      if (failure !== undefined) throw failure;
    } finally {
      signal?.removeEventListener('abort', abort);
      child.kill('SIGKILL');
      await ended;
      await file.close();
    }
  };
}

async function commandLine(
  packing: Packing,
  what: string,
  searchPath: string,
): Promise<[string, ...string[]]> {
  const limiter = async (program: string) => {
    const found = await locate(program, searchPath);
    if (found === undefined) throw hostErrors.limiterMissing(program);
    return found;
  };
  const { argv, debian } = UNPACKERS[packing];
  const [name, ...flags] = argv;
  const program = await locate(name, searchPath);
  if (program === undefined) throw hostErrors.unpackerMissing(what, name, debian);
  const limits = [`--as=${MEMORY_BYTES}`, '--core=0'];
  const alone = [await limiter('setpriv'), '--pdeathsig', 'KILL', program, ...flags];
  return [await limiter('prlimit'), ...limits, ...alone];
}

type Ending = {
  readonly exitCode: number | null;
  readonly stderr: string;
  readonly timedOut: boolean;
  /** It could not be started. */
  readonly error?: unknown;
};

/** Never rejects, so that it may be awaited late. */
async function endingOf(child: ChildProcess): Promise<Ending> {
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(0, QUOTED_CHARACTERS);
  });
  try {
    await once(child, 'close');
    return { exitCode: child.exitCode, stderr: stderr.trim(), timedOut: child.killed };
  } catch (error) {
    return { exitCode: null, stderr, timedOut: false, error };
  }
}

/** What the programs say of the two faults that people meet most often. */
const WORDS: readonly [words: RegExp, problem: string][] = [
  [/unexpected end|ends unexpectedly|premature end/i, 'it was cut off'],
  [/trailing garbage|unsupported format|unknown header/i, 'something else follows after its end'],
  [/memory/i, 'it needs more memory than such a file may: pack it again with a smaller window'],
];

function failureOf(
  { exitCode, stderr, timedOut, error }: Ending,
  packing: Packing,
  what: string,
  timeoutMs: number,
): HostError | undefined {
  const { argv } = UNPACKERS[packing];
  if (error !== undefined) return hostErrors.internal(error);
  if (timedOut) return hostErrors.unpackingSlow(what, Math.round(timeoutMs / 1000));
  if (exitCode === null) return hostErrors.unpackerEnded(what, argv[0]);
  // bzip2 is content with whatever follows.
  if (exitCode === 0 && stderr === '') return undefined;
  if (exitCode === 126 || exitCode === 127 || /^(?:\S*\/)?(?:prlimit|setpriv): /.test(stderr))
    return hostErrors.imageToolBroken(stderr, argv[0]);
  const known = WORDS.find(([words]) => words.test(stderr))?.[1] ?? 'it is damaged';
  const [quoted = ''] = stderr.split('\n');
  return hostErrors.packedDamaged(what, `${article(packing)} ${packing} file`, `${known} (${quoted})`);
}

function article(packing: Packing): string {
  return packing === 'xz' ? 'an' : 'a';
}
