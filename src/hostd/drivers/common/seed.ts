import { hostErrors, lastWords } from '../../errors/index.ts';
import { locate, runProgram } from '../../programs.ts';

const XORRISO = 'xorriso';
const LIMIT_MS = 120_000;
/** Of every file and of the volume, so that they say nothing of when it was made. */
const DATE = '2000010100000000';
const ENVIRONMENT = { SOURCE_DATE_EPOCH: '946684800' };

/** See {@link ImageTool.createSeed}. With Rock Ridge and Joliet, so that the names are kept whatever the guest reads. */
export async function createSeed(
  { searchPath }: { readonly searchPath: string },
  folder: string,
  target: string,
  signal?: AbortSignal,
): Promise<void> {
  const find = async (program: string) => {
    const found = await locate(program, searchPath);
    if (found === undefined) throw hostErrors.seedToolMissing(program);
    return found;
  };
  const program = await find(XORRISO);
  const names = ['-V', 'cidata', '-J', '-joliet-long', '-r', '--set_all_file_dates', DATE];
  const argv = ['-as', 'mkisofs', '-quiet', ...names, '-o', target, folder];
  const options = { timeoutMs: LIMIT_MS, environment: ENVIRONMENT, signal };
  const { exitCode, stderr, timedOut } = await runProgram(
    await find('setpriv'),
    ['--pdeathsig', 'KILL', program, ...argv],
    options,
  );
  if (exitCode === 0) return;
  throw hostErrors.seedNotMade(
    target,
    timedOut ? `${XORRISO} worked for ${LIMIT_MS / 1000} s and was ended` : lastWords(stderr),
  );
}
