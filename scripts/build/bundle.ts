import { type InputOptions, type OutputOptions, rolldown } from 'rolldown';
import { builtinHttp } from './builtin-http.ts';

/**
 * Node reads sources as they are, but every byte of them stays in memory, two where one file has a letter that is not ASCII.
 * Names stay, so that stacks of errors can be read.
 */
const minify = { compress: false, mangle: false, codegen: { removeWhitespace: true, asciiOnly: true } };

function inputOf(entry: InputOptions['input']): InputOptions {
  return {
    input: entry,
    platform: 'node',
    logLevel: 'warn',
    plugins: [builtinHttp()],
    // The package does not declare it: its modules do nothing but define classes, and we use one of 2500.
    treeshake: { moduleSideEffects: (id) => !id.includes('/node_modules/@kubernetes/client-node/') },
  };
}

/** Writes the program as one file, with everything that it may load. @param entry path of its first module */
export async function bundleIntoFile(entry: string, file: string): Promise<void> {
  await bundle(entry, { file, codeSplitting: false });
}

/**
 * Writes programs as files of their names into `folder`, with what they share, and load only when they need it, in files beside
 * them.
 * @param entries paths of their first modules, by name
 * @returns the paths of all modules that are in them
 */
export async function bundleIntoFolder(
  entries: Readonly<Record<string, string>>,
  folder: string,
): Promise<string[]> {
  const files = { entryFileNames: '[name].js', chunkFileNames: '[name].js' };
  return await bundle({ ...entries }, { dir: folder, minify, sourcemap: true, ...files });
}

async function bundle(entry: InputOptions['input'], output: OutputOptions): Promise<string[]> {
  const build = await rolldown(inputOf(entry));
  try {
    const result = await build.write({ format: 'esm', comments: { legal: false }, ...output });
    return result.output.flatMap((chunk) => (chunk.type === 'chunk' ? chunk.moduleIds : []));
  } finally {
    await build.close();
  }
}
