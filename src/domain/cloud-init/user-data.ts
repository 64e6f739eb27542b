import { loadAll } from 'js-yaml';

/** How user data begins, by what cloud-init makes of it. crds/ has the same list. */
export const USER_DATA_BEGINNINGS = [
  '#cloud-config',
  '#!',
  '#cloud-boothook',
  '#include',
  '#part-handler',
  '## template: jinja',
  'Content-Type: multipart/',
  'MIME-Version:',
] as const;

/** Nested aliases grow exponentially when cloud-init expands them; no configuration needs many. */
const MAX_ALIASES = 100;

/**
 * What is wrong with user data, as the end of a sentence; undefined where nothing is known to be. cloud-init itself would only write
 * a warning into a log in the guest, and boot without it.
 */
export function userDataProblem(text: string): string | undefined {
  if (!USER_DATA_BEGINNINGS.some((beginning) => text.startsWith(beginning)))
    return `it begins with none of the lines by which cloud-init knows what it is (${USER_DATA_BEGINNINGS.join(', ')})`;
  const [first = ''] = text.split('\n', 1);
  const kind = first.trim();
  if (kind === '#cloud-config') return yamlProblem(text, isMap, 'a map of settings');
  if (kind === '#cloud-config-archive') return yamlProblem(text, Array.isArray, 'a list of parts');
  return undefined;
}

function yamlProblem(text: string, fits: (value: unknown) => boolean, wanted: string): string | undefined {
  try {
    // As Python's reader, which takes the last of equal keys.
    const [value = null, ...others] = loadAll(text, { json: true, maxAliases: MAX_ALIASES });
    if (others.length > 0) return 'its YAML has several documents: only one is read';
    return value === null || fits(value) ? undefined : `its YAML is not ${wanted}`;
  } catch (error) {
    // The parser's message quotes names, and goes on with the lines in question: either may be a secret.
    const [problem = ''] = (error instanceof Error ? error.message : String(error)).split('\n', 1);
    return `its YAML cannot be read: ${withoutQuotes(problem)}`;
  }
}

/** `unidentified alias "a" (2:5)` becomes `unidentified alias … (2:5)`; a tag stands in angle brackets. */
function withoutQuotes(problem: string): string {
  const from = problem.search(/["<]/);
  const to = Math.max(problem.lastIndexOf('"'), problem.lastIndexOf('>'));
  return from === -1 || to < from ? problem : `${problem.slice(0, from)}…${problem.slice(to + 1)}`;
}

function isMap(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
