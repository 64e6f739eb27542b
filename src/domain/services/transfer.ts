import type { GuestAction, PackageFacts } from './types.ts';

/**
 * Transfers the package into the directory: archives unpacked, files and a package that is one file as they
 * are.
 */
export function putInto(directory: string, facts: Exclude<PackageFacts, { kind: 'none' }>): GuestAction {
  const title = 'transfer the package';
  if (facts.kind === 'files') return { kind: 'putFiles', title, directory };
  if (facts.format === 'file') return { kind: 'putPackage', title, path: `${directory}/${facts.fileName}` };
  return { kind: 'putPackage', title, path: directory, unpack: facts.format };
}
