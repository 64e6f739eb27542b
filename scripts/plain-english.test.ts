import { globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const repository = join(import.meta.dirname, '..');

/** Folders and files that are checked: their comments, messages and test names. Add a folder when it is clean. */
const CHECKED: readonly string[] = ['controllers', 'scripts', 'src', 'test'];

/**
 * Phrases that readers stumbled over, and what to write instead. A blank stands for any white space, also for a line break
 * within a comment.
 */
const UNCLEAR: readonly (readonly [phrase: string, instead: string])[] = [
  ['anew', 'again'],
  ['so often', 'that many times, or: every … ms'],
  ['(?:is|are|be|was|were|been) told', 'receives, reads, is called with, is listed'],
  ['told (?:of|that|when|why)', 'called on, called when'],
  ['(?:cannot|can not|not to|could not) be had', 'is unavailable'],
  ['be had back', 'be restored'],
  ['mend(?:s|ed|ing)?', 'fix'],
  ['none of (?:ours|theirs)', 'does not belong to us'],
  ['puts? (?:it|them|a question) to', 'sends, asks'],
  ['(?:takes?|taken) up again', 'starts again'],
  ['goes? on (?:by itself|from)', 'continues'],
  ['goes? on going', 'continues'],
  ['ask(?:s|ed)? to be', 'requests'],
  ['refuses to be asked', 'answers with an error'],
  ['without a word', 'silently'],
  ['as who', 'as the user that'],
  ['(?:to|by|for|of) who', 'to clients that'],
  ['not to be taken for', 'must not be confused with'],
  ['that of which', 'the one whose'],
  ['in whose place', 'which … replaces'],
  ['daily life', 'normal'],
];

describe('comments, messages and test names', () => {
  it('use none of the phrases that readers stumbled over', () => {
    expect(CHECKED.flatMap(filesOf).flatMap((file) => findUnclear(file, read(file)))).toEqual([]);
  });

  it('are checked in folders that exist and have sources', () => {
    for (const path of CHECKED) expect(filesOf(path), path).not.toEqual([]);
  });
});

describe('the check for unclear phrases', () => {
  it('names file, line, phrase and what to write instead', () => {
    expect(findUnclear('a.ts', "const a = 1;\n// Made anew.\nit('is told', x);")).toEqual([
      'a.ts:2: "anew": write "again"',
      'a.ts:3: "is told": write "receives, reads, is called with, is listed"',
    ]);
  });

  it.each(['/**\n * It happens so\n * often.\n */', '// It happens so\n// often.', "'It happens So often'"])(
    'finds a phrase in %j',
    (text) => {
      expect(findUnclear('a.ts', text)).toHaveLength(1);
    },
  );

  it('does not take parts of words for phrases', () => {
    expect(findUnclear('a.ts', '// recommend, amended, canew, is untold, also often')).toEqual([]);
  });
});

function filesOf(path: string): string[] {
  if (statSync(join(repository, path)).isFile()) return [path];
  // This file has to contain the phrases.
  return globSync(`${path}/**/*.{ts,mjs,sh}`, {
    cwd: repository,
    exclude: ['scripts/plain-english.test.ts'],
  }).sort();
}

function read(file: string): string {
  return readFileSync(join(repository, file), 'utf8');
}

/** `FILE:LINE: "PHRASE": write "…"` for every unclear phrase in the text. */
function findUnclear(file: string, text: string): string[] {
  const found = UNCLEAR.flatMap(([phrase, instead]) =>
    [...text.matchAll(patternOf(phrase))].map(({ index, 0: match }) => ({
      line: text.slice(0, index).split('\n').length,
      problem: `"${match.replaceAll(/[\s*/#]+/g, ' ')}": write "${instead}"`,
    })),
  );
  return found.sort((a, b) => a.line - b.line).map(({ line, problem }) => `${file}:${line}: ${problem}`);
}

function patternOf(phrase: string): RegExp {
  return new RegExp(`\\b(?:${phrase.replaceAll(' ', String.raw`(?:\s|\n\s*(?:\*|//|#))+`)})\\b`, 'gi');
}
