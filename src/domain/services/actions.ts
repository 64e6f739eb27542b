import type { GuestAction, PackageFacts } from './types.ts';

/**
 * Guests may have only busybox, with or without links for its applets; `b tool …` finds the tool either way. The agent's umask
 * may hide files from the service, so scripts set their own.
 */
const PRELUDE = `set -eu
umask 022
b() { if command -v "$1" >/dev/null 2>&1; then "$@"; else /bin/busybox "$@"; fi; }
`;

/** A script, and what it does, as steps and error messages show it. */
export interface GuestScript {
  readonly title: string;
  readonly text: string;
  readonly timeoutSeconds: number;
}

/**
 * Runs a constant script. Values are passed as `$1`, `$2` …, and are never part of its text. Secrets must be passed by `env`:
 * everybody in the guest can read arguments, and its agent writes them into the system's log.
 */
export function runScript(
  script: GuestScript,
  values: readonly string[],
  env?: Readonly<Record<string, string>>,
): Extract<GuestAction, { kind: 'exec' }> {
  return {
    kind: 'exec',
    title: script.title,
    argv: ['/bin/sh', '-c', PRELUDE + script.text, 'coppice', ...values],
    ...(env === undefined ? {} : { env }),
    timeoutSeconds: script.timeoutSeconds,
  };
}

/** Transfers the package into the directory. Archives are unpacked; files, and a package that is one file, are written as they are. */
export function putInto(directory: string, facts: Exclude<PackageFacts, { kind: 'none' }>): GuestAction {
  const title = 'transfer the package';
  if (facts.kind === 'files') return { kind: 'putFiles', title, directory };
  if (facts.format === 'file') return { kind: 'putPackage', title, path: `${directory}/${facts.fileName}` };
  const { format: unpack, unpackedBytes = 0 } = facts;
  return { kind: 'putPackage', title, path: directory, unpack, unpackedBytes };
}
