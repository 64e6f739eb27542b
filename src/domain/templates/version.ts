/**
 * What marks the part after a dash as a pre-release (semver.org, item 9) and not, as in Debian, a revision.
 */
const PRE_RELEASE = /-(?=(?:alpha|beta|rc|pre|preview|dev|snapshot|nightly|ea|m)(?:[.\d~+-]|$))/gi;

interface DebianVersion {
  readonly epoch: string;
  readonly upstream: string;
  readonly revision: string;
}

/**
 * Orders versions, older first. It is a total order: 0 only for equal texts. The rules are Debian's (deb-version(7)), which order
 * dotted numbers, letters, epochs, revisions and `~`. Semantic versions fit them when `-rc.1` and the like are read as `~rc.1`.
 * Versions that rank equal (`1.0`, `v1.00`) are ordered by their text.
 */
export function compareVersions(a: string, b: string): number {
  return compareDebian(parseVersion(a), parseVersion(b)) || compareText(a, b);
}

function parseVersion(text: string): DebianVersion {
  const rest = text.replace(/^[vV](?=\d)/, '').replace(PRE_RELEASE, '~');
  const epoch = /^(\d+):/.exec(rest)?.[1];
  const version = epoch === undefined ? rest : rest.slice(epoch.length + 1);
  const dash = version.lastIndexOf('-');
  return {
    epoch: epoch ?? '0',
    upstream: dash < 0 ? version : version.slice(0, dash),
    revision: dash < 0 ? '' : version.slice(dash + 1),
  };
}

function compareDebian(a: DebianVersion, b: DebianVersion): number {
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
