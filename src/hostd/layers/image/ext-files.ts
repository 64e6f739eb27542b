import { hostErrors } from '../../errors/index.ts';
import { limited, locate, runProgram } from '../../programs.ts';

/** A file system into which one looks, without mounting it. */
export type Files = {
  /** Undefined when there is no such file, or it is longer than any that is asked for. */
  read(path: string): Promise<string | undefined>;
  has(path: string): Promise<boolean>;
};

const MEMORY_BYTES = 1024 ** 3;
const TIMEOUT_MS = 30_000;
/** Letters that mean nothing to debugfs. */
const PLAIN_PATH = /^[-/._a-zA-Z0-9]+$/;

/**
 * An ext2, ext3 or ext4 file system in a raw file, by debugfs, which reads it as a program of its own with limits: nothing of it gets to
 * this machine's kernel. Rejects with `ProgramMissing`, and with `FileSystemUnreadable` when debugfs cannot open it.
 * @param path without a question mark, which debugfs takes for the beginning of options
 * @param offset where it begins in the file, in bytes
 */
export async function openExt(
  path: string,
  offset: number,
  searchPath: string,
  signal?: AbortSignal,
): Promise<Files> {
  const debugfs = await locate('debugfs', searchPath);
  if (debugfs === undefined) throw hostErrors.lookerMissing();
  const ask = async (request: string) => {
    // -c: without reading the bitmaps, of which a hostile one may have many.
    const argv = ['-c', '-R', request, `${path}?offset=${offset}`];
    const command = await limited(debugfs, argv, searchPath, { memoryBytes: MEMORY_BYTES });
    return await runProgram(command.program, command.argv, { timeoutMs: TIMEOUT_MS, signal });
  };
  const { stdout, stderr, timedOut } = await ask('stat /');
  if (timedOut) throw hostErrors.fileSystemUnreadable('debugfs did not end in time');
  if (!stdout.startsWith('Inode:')) throw hostErrors.fileSystemUnreadable(complaintIn(stderr));
  return {
    read: async (file) => {
      const { stdout, overflowed, timedOut: late } = await ask(`cat ${plain(file)}`);
      return stdout === '' || overflowed || late ? undefined : stdout;
    },
    has: async (file) => (await ask(`stat ${plain(file)}`)).stdout.startsWith('Inode:'),
  };
}

/** What debugfs says first, after its version, without the name of the file. */
function complaintIn(stderr: string): string {
  const said = stderr.split('\n').filter((line) => line !== '' && !/^debugfs \d/.test(line));
  return (
    said[0]?.replace(/^debugfs: /, '').replace(/ while trying to open .*$/, '') ?? 'debugfs says nothing'
  );
}

function plain(path: string): string {
  if (!PLAIN_PATH.test(path)) throw new RangeError(`${path} is no path that debugfs takes as it is`);
  return path;
}
