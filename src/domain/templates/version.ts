import { own } from '../../base/own.ts';

/** A semantic version, with or without a leading `v`. Numbers may have leading zeroes, which semver.org forbids. */
const SEMANTIC =
  /^[vV]?(?<major>\d+)\.(?<minor>\d+)\.(?<patch>\d+)(?:-(?<pre>[\dA-Za-z-]+(?:\.[\dA-Za-z-]+)*))?(?:\+[\dA-Za-z.-]+)?$/;

/**
 * What marks the part after a dash as a pre-release (semver.org, item 9) and not, as in Debian, a revision.
 */
const PRE_RELEASE = /-(?=(?:alpha|beta|rc|pre|preview|dev|snapshot|nightly|ea|m)(?:[.\d~+-]|$))/gi;

interface DebianVersion {
  readonly epoch: string;
  readonly upstream: string;
  readonly revision: string;
}

/** Negative when the first is older. 0 only for equal texts. */
export type Order = (a: string, b: string) => number;

/**
 * How the versions of one series are ordered: as semantic versions (semver.org, item 11; a leading `v` is allowed) where all of them are
 * such, else as Debian orders versions (deb-version(7)), with `-rc1` and the like read as `~rc1`. The two differ (`1.0.0-5` is older than
 * `1.0.0` as a semantic version, newer as a Debian one), so one series is ordered in one way only; a mixture would have circles.
 * Versions that rank equal (`1.0`, `1.00`) are ordered by their text.
 */
export function versionOrder(versions: readonly string[]): Order {
  const byRank = versions.every((version) => SEMANTIC.test(version)) ? compareSemantic : compareDebian;
  return (a, b) => byRank(a, b) || compareText(a, b);
}

function compareSemantic(a: string, b: string): number {
  const [left, right] = [SEMANTIC.exec(a)?.groups ?? {}, SEMANTIC.exec(b)?.groups ?? {}];
  for (const part of ['major', 'minor', 'patch']) {
    const order = compareNumbers(own(left, part) ?? '', own(right, part) ?? '');
    if (order !== 0) return order;
  }
  const [before, after] = [left.pre, right.pre];
  // A pre-release is older than the release itself.
  if (before === undefined || after === undefined)
    return Number(before === undefined) - Number(after === undefined);
  return compareIdentifiers(before.split('.'), after.split('.'));
}

/** Numbers are older than words, and fewer identifiers older than more. */
function compareIdentifiers(a: readonly string[], b: readonly string[]): number {
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const [left, right] = [a[at], b[at]];
    if (left === undefined || right === undefined) return left === undefined ? -1 : 1;
    const [isNumber, isOtherNumber] = [/^\d+$/.test(left), /^\d+$/.test(right)];
    if (isNumber !== isOtherNumber) return isNumber ? -1 : 1;
    const order = isNumber ? compareNumbers(left, right) : compareText(left, right);
    if (order !== 0) return order;
  }
  return 0;
}

function parseVersion(text: string): DebianVersion {
  const rest = text.replace(PRE_RELEASE, '~');
  const epoch = /^(\d+):/.exec(rest)?.[1];
  const version = epoch === undefined ? rest : rest.slice(epoch.length + 1);
  const dash = version.lastIndexOf('-');
  return {
    epoch: epoch ?? '0',
    upstream: dash < 0 ? version : version.slice(0, dash),
    revision: dash < 0 ? '' : version.slice(dash + 1),
  };
}

function compareDebian(one: string, other: string): number {
  const [a, b] = [parseVersion(one), parseVersion(other)];
  return (
    compareNumbers(a.epoch, b.epoch) ||
    compareParts(a.upstream, b.upstream) ||
    compareParts(a.revision, b.revision)
  );
}

/** Compares parts without digits and parts of digits only, in turns, until one pair differs. */
function compareParts(a: string, b: string): number {
  const left: string[] = [...(a.match(/\D+|\d+/g) ?? [])];
  const right: string[] = [...(b.match(/\D+|\d+/g) ?? [])];
  if (/^\d/.test(a)) left.unshift('');
  if (/^\d/.test(b)) right.unshift('');
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const compare = at % 2 === 0 ? compareLetters : compareNumbers;
    const order = compare(left[at] ?? '', right[at] ?? '');
    if (order !== 0) return order;
  }
  return 0;
}

/** `~` before the end, the end before letters, letters before everything else. */
function compareLetters(a: string, b: string): number {
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const order = weight(a, at) - weight(b, at);
    if (order !== 0) return order;
  }
  return 0;
}

function weight(text: string, at: number): number {
  const character = text[at];
  if (character === undefined) return 0;
  if (character === '~') return -1;
  const code = text.charCodeAt(at);
  return /[A-Za-z]/.test(character) ? code : code + 0x10000;
}

/** Compares numbers of any length, also beyond the safe integers. */
function compareNumbers(a: string, b: string): number {
  const left = a.replace(/^0+/, '');
  const right = b.replace(/^0+/, '');
  return left.length - right.length || compareText(left, right);
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
