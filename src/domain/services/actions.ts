import type { GuestAction, PackageFacts } from './types.ts';

/**
 * Guests may have nothing but busybox, with or without links for its applets: `b tool …` finds the tool
 * either way. The agent's umask can hide files from the service, so scripts set their own.
 */
const PRELUDE = `set -eu
umask 022
b() { if command -v "$1" >/dev/null 2>&1; then "$@"; else /bin/busybox "$@"; fi; }
`;

/** A script and the name under which it shows in the guest's process list. */
export interface GuestScript {
  readonly title: string;
  readonly text: string;
  readonly timeoutSeconds: number;
}

/**
 * Runs a constant script. Values reach it as `$1`, `$2` …, never as part of its text. Secrets must come by `env`: everybody
 * in the guest can read arguments, and its agent writes them into the system's log.
 */
export function runScript(
  script: GuestScript,
  values: readonly string[],
  env?: Readonly<Record<string, string>>,
): GuestAction {
  return {
    kind: 'exec',
    title: script.title,
    argv: ['/bin/sh', '-c', PRELUDE + script.text, 'coppice', ...values],
    ...(env === undefined ? {} : { env }),
    timeoutSeconds: script.timeoutSeconds,
  };
}

/** $1 staging directory: makes it, empty, whatever an attempt that broke off has left. */
export const PREPARE: GuestScript = {
  title: 'make an empty directory for the package',
  timeoutSeconds: 60,
  text: `b rm -rf "$1"
b mkdir -p "$1"
`,
};

/** Transfers the package into the directory. Archives are unpacked; files, and a package that is one file, are written as they are. */
export function putInto(directory: string, facts: Exclude<PackageFacts, { kind: 'none' }>): GuestAction {
  const title = 'transfer the package';
  if (facts.kind === 'files') return { kind: 'putFiles', title, directory };
  if (facts.format === 'file') return { kind: 'putPackage', title, path: `${directory}/${facts.fileName}` };
  return { kind: 'putPackage', title, path: directory, unpack: facts.format };
}
