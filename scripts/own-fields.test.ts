import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { inheritedLookups } from './own-fields.ts';

const repository = join(import.meta.dirname, '..');

/** These two are how it is done. */
const EXCEPTIONS = ['src/base/own.ts'];

function isChecked(file: string): boolean {
  return /^(src|controllers)\//.test(file) && !file.endsWith('.test.ts') && !EXCEPTIONS.includes(file);
}

it('no field is looked up, by a name that may be any, among what objects inherit: own() and setOwn() do it', {
  timeout: 120_000,
}, () => {
  expect(inheritedLookups(repository, isChecked)).toEqual([]);
});

const SOURCE = `
declare const name: string;
declare const map: Record<string, number>;
declare const maybe: Record<string, number> | undefined;
declare const known: Record<'a' | 'b', number>;
declare const list: number[];
export const bad = [map[name], maybe?.[name], map[\`x\${name}\`], name in map, known[name as 'a']];
map[name] = 1;
declare const key: 'a' | 'b';
export const good = [known[key], known.a, list[0], map.constant, map['constant'], list[key.length]];
delete map[name];
export const made = { [name]: 1 };
`;

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'coppice-own-fields-'));
  await mkdir(join(folder, 'src'));
  await writeFile(join(folder, 'tsconfig.json'), '{"compilerOptions": {"strict": true}, "include": ["src"]}');
  await writeFile(join(folder, 'src/a.ts'), SOURCE);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

it('the check finds reading, writing and asking by such a name, and nothing else', () => {
  expect(inheritedLookups(folder, (file) => file === 'src/a.ts')).toEqual([
    'src/a.ts:7: map[name]',
    'src/a.ts:7: maybe?.[name]',
    `src/a.ts:7: map[\`x\${name}\`]`,
    'src/a.ts:7: name in map',
    "src/a.ts:7: known[name as 'a']",
    'src/a.ts:8: map[name]',
  ]);
});
