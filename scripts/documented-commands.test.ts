import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { load } from 'js-yaml';
import { beforeAll, describe, expect, it } from 'vitest';
import { createProgram } from '../src/cli/program.ts';

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

/** Where sentences besides name commands of Coppice's own: conditions, Events, refusals and errors. */
const SENTENCES = ['src/{domain,hostd/errors,streams}/**/*.ts', 'crds/*.yaml'];

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

/** Every command of Coppice's own in a text; in TypeScript, \n may be two characters. */
function coppiceCommands(text: string): readonly string[] {
  const lines = text.replaceAll(/\\\n\s*/g, ' ').split(/\n|\\n/);
  return lines.flatMap((line) =>
    [...line.matchAll(/\bcoppice (?:-- )?(?!charts\/)([a-z][^`'"#|;&\\]*)/g)].flatMap(([, words = '']) =>
      words.trim(),
    ),
  );
}

/** The first word of a command that the program does not have: of the name, or an option. What follows a comma or bracket is prose. */
function unknownWord(program: Command, text: string): string | undefined {
  const [sentence = ''] = text.split(/[,;:.)]+( |$)| -- /);
  const { command, words } = named(program, sentence.split(/\s+/));
  const [first] = words;
  if (command.commands.length > 0 && first !== undefined && /^[a-z]/.test(first)) return first;
  const options = [command, program].flatMap(({ options: all }) =>
    all.flatMap(({ long, short }) => [long, short]),
  );
  const flags = words.flatMap((word) => /^(--[a-z][-a-z]*|-[a-zA-Z]$)/.exec(word)?.[0] ?? []);
  return flags.find((flag) => !options.includes(flag) && !['--help', '-h'].includes(flag));
}

/** The command that the first words name, and what follows them. */
function named(command: Command, words: readonly string[]): { command: Command; words: readonly string[] } {
  const [first, ...rest] = words;
  const next = command.commands.find((one) => one.name() === first);
  return next === undefined ? { command, words } : named(next, rest);
}

describe("the commands of Coppice's own that users read", () => {
  let program: Command;
  beforeAll(async () => {
    // All of them are loaded for a name that none has.
    program = await createProgram('coppice', 'none');
  });

  it.each([
    ['template logs -f NAME', undefined],
    ['template flatten), or', undefined],
    ['templates --mine: what', undefined],
    ['exec web -- ls --color', undefined],
    ['label', undefined],
    ['template flaten NAME', 'flaten'],
    ['tempalte logs', 'tempalte'],
    ['template save NAME --plain', '--plain'],
    ['get -z', '-z'],
  ])('%s has the unknown word %s', (command, word) => {
    expect(unknownWord(program, command)).toBe(word);
  });

  it('exist, with their options', () => {
    const files = [...READ_BY_USERS, ...SENTENCES].flatMap((pattern) =>
      globSync(pattern, { cwd: repository }),
    );
    const all = files
      .filter((file) => !file.endsWith('.test.ts'))
      .flatMap((file) => coppiceCommands(read(file)).map((command) => ({ file, command })));
    for (const place of ['controllers/obstacles/', 'src/hostd/errors/', 'src/cli/', 'src/domain/', 'docs/'])
      expect(all.filter(({ file }) => file.startsWith(place)).length, place).toBeGreaterThan(1);
    expect(all.filter(({ command }) => unknownWord(program, command) !== undefined)).toEqual([]);
  });
});
