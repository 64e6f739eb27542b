/**
 * Where a package's files lie in a guest: each installation has a folder of its own, a release, in the folder $holder of the service,
 * and the link $holder/current leads to the one that is in use. A new release is built and checked beside the old one, which goes on
 * being used until the link is replaced, by one rename; killed at any moment, either of them is in use as a whole.
 */
import { type GuestScript, runScript } from './actions.ts';
import type { GuestAction } from './types.ts';

/** The folder into which a package is transferred, in the folder of the service's releases. */
export function stagingIn(holder: string): string {
  return `${holder}/new`;
}

/**
 * Shell functions. Names are never read from output: a package's may contain anything.
 * - `put` makes $3 in the folder $2 a link to $1, in place of a link or file, by one rename. Not every mv has an option
 *   by which it replaces a link to a folder, but each replaces it when it moves into the folder that has the link.
 * - `keep` makes what was transferred a release, $holder/$number, before anything else: it is then no other attempt's any more.
 * - `use` puts the release $1 in use, once its content is on the disk; unless the next attempt has swept it already.
 * - `swap` only replaces the link.
 * - `sweep` removes the releases that are not in use; $1 leads to one that still is, if not empty. What it cannot remove is an
 *   error before the next package is transferred, but not after a service was started.
 */
export const RELEASES = `put() {
  [ -d "$holder/link" ] || b mkdir "$holder/link"
  if [ -L "$holder/link/$3" ]; then b rm -f "$holder/link/$3"; fi
  b ln -s "$1" "$holder/link/$3"
  b mv -f "$holder/link/$3" "$2/"
}
keep() {
  number=1
  while [ -e "$holder/$number" ]; do number=$((number + 1)); done
  b mv "$holder/new" "$holder/$number"
}
use() {
  b sync
  [ -d "$holder/$1" ] || { echo 'another installation has begun' >&2; exit 1; }
  swap "$1"
  b sync
}
swap() { put "$1" "$holder" current; }
sweep() {
  for each in "$holder"/[0-9]*; do
    if [ -e "$each" ] && ! [ "$each" -ef "$holder/current" ] && ! [ "$each" -ef "$1" ]; then b rm -rf "$each"; fi
  done
}
`;

/** Makes the empty folder for the package. `script` comes first: it sets $holder, and makes room. */
export function prepare(script: string, values: readonly string[]): GuestAction {
  return runScript({ ...PREPARE, text: script + PREPARE.text }, values);
}

const PREPARE: GuestScript = {
  title: 'make an empty directory for the package',
  timeoutSeconds: 60,
  text: `b rm -rf "$holder/new"
b mkdir -p "$holder/new"
`,
};
