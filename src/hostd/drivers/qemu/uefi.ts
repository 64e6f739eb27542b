import { constants } from 'node:fs';
import { access, copyFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { hostErrors } from '../../errors/index.ts';
import { PARTIAL_SUFFIX, publishFile } from '../../files/durable-files.ts';
import { ifThere } from '../../files/if-there.ts';
import type { VmSpec } from '../vm.ts';
import { vmFiles } from './files.ts';

/** Where Debian's package ovmf puts UEFI. */
export const UEFI_DIRECTORY = '/usr/share/OVMF';

/** One build of UEFI: its code, and the variables with which a new machine begins. They only work with each other. */
type UefiBuild = { readonly code: string; readonly variables: string };

/** The first is what new VMs get. Later releases of Debian have only that. */
const BUILDS: readonly UefiBuild[] = [
  { code: 'OVMF_CODE_4M.fd', variables: 'OVMF_VARS_4M.fd' },
  { code: 'OVMF_CODE.fd', variables: 'OVMF_VARS.fd' },
];

/** Whether this host has a UEFI for VMs. */
export async function hasUefi(directory: string): Promise<boolean> {
  return (await buildsIn(directory)).length > 0;
}

/**
 * Gives the VM its variables, unless it has them: they are made once, whole or not at all, and kept for its life. Resolves with the
 * path of the code that they work with. Rejects with `UefiMissing`, also when the host has another build than the one with
 * which the VM was made.
 */
export async function prepareUefi({ domain, directory: vm }: VmSpec, directory: string): Promise<string> {
  const builds = await buildsIn(directory);
  const own = join(vm, vmFiles.variables);
  const ownBytes = (await ifThere(stat(own)))?.size;
  const build =
    ownBytes === undefined ? builds[0] : builds.find(({ variableBytes }) => variableBytes === ownBytes);
  if (build === undefined)
    throw hostErrors.uefiMissing(domain, directory, ownBytes === undefined ? undefined : own);
  if (ownBytes === undefined) await copyDurably(build.variables, own);
  return build.code;
}

async function buildsIn(directory: string) {
  const found = await Promise.all(
    BUILDS.map(async (build) => {
      const [code, variables] = [join(directory, build.code), join(directory, build.variables)];
      const variableBytes = (await ifThere(stat(variables)))?.size;
      const isThere = variableBytes !== undefined && (await isReadable(code));
      return isThere ? [{ code, variables, variableBytes }] : [];
    }),
  );
  return found.flat();
}

function isReadable(path: string): Promise<boolean> {
  return access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
}

async function copyDurably(source: string, target: string): Promise<void> {
  const partial = target + PARTIAL_SUFFIX;
  await rm(partial, { force: true });
  await copyFile(source, partial, constants.COPYFILE_EXCL);
  await publishFile(partial, target);
}
