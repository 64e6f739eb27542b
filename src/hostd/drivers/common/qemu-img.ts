import { stat } from 'node:fs/promises';
import { type HostError, hostErrors } from '../../errors/index.ts';
import { ifThere } from '../../files/if-there.ts';
import { limited, locate, type ProgramResult, runProgram } from '../../programs.ts';

export type QemuImgConfig = {
  /** Name or path of qemu-img; `qemu-img` by default. */
  readonly imageBinary?: string;
  /** Where programs are looked for, as `PATH`. */
  readonly searchPath: string;
  /** How long a run may take that does not read a whole image; two minutes by default. */
  readonly imageShortMs?: number;
};

type RunOptions = {
  readonly signal?: AbortSignal | undefined;
  /** Exit codes with which it resolves; 0 by default. */
  readonly good?: readonly number[];
  /** The image that it reads from end to end, which takes as long as the image is large. */
  readonly reads?: string;
  /** How large a file it may write. What an image unpacks to is not known beforehand. */
  readonly roomBytes?: number | undefined;
};

/** Runs qemu-img and resolves with its result, or rejects with its output. `subject` is the file that the error names. */
export type QemuImg = (
  argv: readonly string[],
  subject: string,
  options?: RunOptions,
) => Promise<ProgramResult>;

/** Address space of one run: a multiple of what it uses, and little enough for a host that runs VMs. */
const MEMORY_BYTES = 2 * 1024 ** 3;
/** Otherwise each of its threads reserves 128 MiB of the address space for its heap. */
const ENVIRONMENT = { MALLOC_ARENA_MAX: '1' };

const SHORT_MS = 2 * 60_000;
const LONG_MS = 10 * 60_000;
/** What a slow host's storage does at the least. */
const BYTES_PER_MS = 4096;

/** How many lines of qemu-img's output an error quotes: a damaged image has one for each cluster. */
const QUOTED_LINES = 5;
const QUOTED_CHARACTERS = 1000;

/** qemu-img with limits of time and memory, because it reads what strangers wrote. */
export function createQemuImg({
  imageBinary = 'qemu-img',
  searchPath,
  imageShortMs = SHORT_MS,
}: QemuImgConfig): QemuImg {
  return async (argv, subject, { signal, good = [0], reads, roomBytes } = {}) => {
    const program = await locate(imageBinary, searchPath);
    if (program === undefined) throw hostErrors.hypervisorMissing(imageBinary);
    const command = await limited(program, argv, searchPath, {
      memoryBytes: MEMORY_BYTES,
      fileBytes: roomBytes,
    });
    const timeoutMs = reads === undefined ? imageShortMs : await timeToRead(reads);
    const options = { signal, timeoutMs, environment: ENVIRONMENT };
    const result = await runProgram(command.program, command.argv, options);
    if (result.exitCode !== undefined && good.includes(result.exitCode) && hasRun(result)) return result;
    throw errorOf(result, subject, timeoutMs);
  };
}

/** Whether it is qemu-img that ended, and not a program that starts it, and for no want of memory. */
function hasRun({ exitCode, stderr }: ProgramResult): boolean {
  if (exitCode !== 0 && /cannot allocate memory/i.test(stderr)) return false;
  return exitCode !== 126 && exitCode !== 127 && !/^(?:\S*\/)?(?:prlimit|setpriv): /.test(stderr);
}

function errorOf(result: ProgramResult, subject: string, timeoutMs: number): HostError {
  const { exitCode, signal, stderr, timedOut, overflowed } = result;
  if (!hasRun(result)) return hostErrors.imageToolBroken(quoted(result));
  if (timedOut) return hostErrors.imageToolSlow(subject, Math.round(timeoutMs / 1000));
  // What it may write is what the host has room for: no more is as good as none.
  if (signal === 'SIGXFSZ') return hostErrors.diskFull(subject);
  if (exitCode === undefined && !overflowed) return hostErrors.imageToolEnded(subject);
  return /no space left on device|disk quota exceeded|file too large/i.test(stderr)
    ? hostErrors.diskFull(subject, new Error(quoted(result)))
    : hostErrors.imageInvalid(subject, quoted(result));
}

/** What it printed, as an error quotes it. */
export function quoted({ stderr, exitCode }: ProgramResult): string {
  const lines = stderr.trim().split('\n').slice(0, QUOTED_LINES).join('\n').slice(0, QUOTED_CHARACTERS);
  return lines === '' ? `qemu-img ended with exit code ${exitCode}` : lines;
}

async function timeToRead(image: string): Promise<number> {
  return LONG_MS + Math.ceil(((await ifThere(stat(image)))?.size ?? 0) / BYTES_PER_MS);
}
