import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';

const repository = join(import.meta.dirname, '..');

/** Where users read commands that they paste. */
const READ_BY_USERS = [
  '*.md',
  'docs/**/*.md',
  'test/**/*.md',
  'charts/*/templates/NOTES.txt',
  'examples/**/*.yaml',
  'src/cli/**/*.ts',
  'controllers/obstacles/**/*.ts',
];

/** The value is the next word. */
const FLAGS_WITH_VALUE = new Set(['-n', '--namespace', '-o', '--output', '-l', '--selector', '--kubeconfig']);

/** Words that stand for several kinds: kubectl's own, and the categories of ours. */
const CATEGORIES = new Set(['all', ...globSync('crds/*.yaml', { cwd: repository }).flatMap(categoriesOf)]);

function categoriesOf(file: string): readonly string[] {
  const crd = load(read(file)) as { readonly spec: { readonly names: { readonly categories?: string[] } } };
  return crd.spec.names.categories ?? [];
}

function read(file: string): string {
  return readFileSync(join(repository, file), 'utf8');
}

/** Every kubectl command of a text, without comments: in blocks, indented, and within a sentence. */
function kubectlCommands(text: string): readonly string[] {
  const lines = text.replaceAll(/\\\n\s*/g, ' ').split('\n');
  return lines.flatMap((line) =>
    [...line.matchAll(/\bkubectl [^`#|;&\n]*/g)].map(([command]) => command.trim()),
  );
}

/** Whether the command watches objects of more than one kind, which kubectl refuses. */
function watchesSeveralKinds(command: string): boolean {
  const words = command.split(/\s+/).slice(1);
  const isWatch = words.some((word) => /^(-[a-zA-Z]*w[a-zA-Z]*|--watch(-only)?(=true)?)$/.test(word));
  const isValue = (at: number) => FLAGS_WITH_VALUE.has(words[at - 1] ?? '');
  const [verb, first = '', ...others] = words.filter((word, at) => !word.startsWith('-') && !isValue(at));
  if (verb !== 'get' || !isWatch) return false;
  if (!first.includes('/')) return first.includes(',') || CATEGORIES.has(first);
  return new Set([first, ...others].map((word) => word.split('/')[0])).size > 1;
}

describe('the kubectl commands that users read', () => {
  const files = READ_BY_USERS.flatMap((pattern) => globSync(pattern, { cwd: repository }));

  it('are found in blocks, on continued lines and within a sentence', () => {
    const text =
      'See `kubectl get va -w`.\n\n    kubectl get \\\n      sd,va -w   # all\n```\nx && kubectl get sd | cat\n```\n';
    expect(kubectlCommands(text)).toEqual(['kubectl get va -w', 'kubectl get  sd,va -w', 'kubectl get sd']);
    for (const file of ['README.md', 'docs/gitops.md', 'charts/coppice/templates/NOTES.txt']) {
      expect(kubectlCommands(read(file)).length, file).toBeGreaterThan(1);
    }
  });

  it.each([
    ['kubectl get sd,va -w', true],
    ['kubectl -n shop get -Aw sd,va', true],
    ['kubectl get coppice --watch', true],
    ['kubectl get all -o wide --watch=true', true],
    ['kubectl get sd/hello va/hello-web-0 --watch-only', true],
    ['kubectl get va -w', false],
    ['kubectl get -w va/a va/b', false],
    ['kubectl get sd,va -o wide', false],
    ['kubectl get va -n a,b -w', false],
    ['kubectl get sd,va --watch=false', false],
  ])('%s watches several kinds: %s', (command, expected) => {
    expect(watchesSeveralKinds(command)).toBe(expected);
  });

  it('watch one kind at a time: kubectl refuses to watch several', () => {
    expect(
      files.flatMap((file) =>
        kubectlCommands(read(file))
          .filter(watchesSeveralKinds)
          .map((one) => `${file}: ${one}`),
      ),
    ).toEqual([]);
  });
});
