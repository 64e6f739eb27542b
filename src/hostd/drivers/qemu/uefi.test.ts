import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { VmSpec } from '../vm.ts';
import { hasUefi, prepareUefi } from './uefi.ts';

let root: string;
let host: string;
let vm: VmSpec;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'coppice-uefi-'));
  host = join(root, 'OVMF');
  vm = { domain: 'shop.web-0', directory: join(root, 'vm') } as unknown as VmSpec;
  await mkdir(host);
  await mkdir(vm.directory);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const install = async (suffix: string, variables: string) => {
  await writeFile(join(host, `OVMF_CODE${suffix}.fd`), 'code');
  await writeFile(join(host, `OVMF_VARS${suffix}.fd`), variables);
};
const own = () => join(vm.directory, 'efi-variables.fd');

it('gives a VM variables of its own, once', async () => {
  await install('_4M', 'fresh');
  expect(await prepareUefi(vm, host)).toBe(join(host, 'OVMF_CODE_4M.fd'));
  expect(await readFile(own(), 'utf8')).toBe('fresh');
  await writeFile(own(), 'wrote');
  expect(await prepareUefi(vm, host)).toBe(join(host, 'OVMF_CODE_4M.fd'));
  expect(await readFile(own(), 'utf8')).toBe('wrote');
});

it('makes them again when a daemon was killed before they were whole', async () => {
  await install('_4M', 'fresh');
  await writeFile(`${own()}.partial`, 'fr');
  await prepareUefi(vm, host);
  expect(await readdir(vm.directory)).toEqual(['efi-variables.fd']);
  expect(await readFile(own(), 'utf8')).toBe('fresh');
});

it('keeps to the build with which the VM was made, although the host has another, too', async () => {
  await install('', 'old');
  await prepareUefi(vm, host);
  const { ino } = await stat(own());
  await install('_4M', 'larger');
  expect(await prepareUefi(vm, host)).toBe(join(host, 'OVMF_CODE.fd'));
  expect((await stat(own())).ino).toBe(ino);
});

it('says what to do where the host has none, or no longer the same', async () => {
  const missing = (message: RegExp) => ({
    reason: 'UefiMissing',
    kind: 'retry',
    message: expect.stringMatching(message),
  });
  expect(await hasUefi(host)).toBe(false);
  await expect(prepareUefi(vm, host)).rejects.toMatchObject(missing(/shop\.web-0 .*apt-get install ovmf/));
  expect(await readdir(vm.directory)).toEqual([]);
  await install('', 'old');
  await prepareUefi(vm, host);
  await rm(join(host, 'OVMF_CODE.fd'));
  await install('_4M', 'larger');
  expect(await hasUefi(host)).toBe(true);
  await expect(prepareUefi(vm, host)).rejects.toMatchObject(missing(/another build.*efi-variables\.fd/));
});
