/** What is in an archive, as far as an installation needs it; judged entry by entry, so that nothing grows with the archive. */

/** One entry. Names are bytes, each as one character (`latin1`), since archives do not say what encodes them. */
export type Entry = {
  readonly name: string;
  readonly kind: 'file' | 'directory' | 'symlink' | 'hardlink' | 'other';
  readonly bytes: number;
  /** Of a hard link: the entry that it is another name of. */
  readonly target?: string;
};

/** Linux knows no longer part of a path, and no longer path; below the folders of a service there is room for this much. */
const longestPartBytes = 255;
const longestPathBytes = 3072;
/** More would keep the host busy for minutes before any guest could refuse it. */
const mostBytes = 16 * 1024 ** 3;
/** Even the smallest file takes a block of its disk. */
const smallestBlockBytes = 1024;
const mostEntries = 1_000_000;
/** Of the names of links, which are remembered. */
const mostLinkBytes = 16 * 1024 ** 2;
/** Beginning of the names that the installation itself uses beside the package's. */
const reserved = '.coppice-';
const quotedBytes = 120;

/** Adds up an archive's entries; `add` and `whole` throw, with what is wrong, for a package that cannot be installed. */
export class Contents {
  #entries = 0;
  #files = 0;
  #bytes = 0;
  readonly #links = new Set<string>();
  #linkBytes = 0;

  add({ name, kind, bytes, target }: Entry): void {
    const path = requirePath(name);
    if (!Number.isSafeInteger(bytes) || bytes < 0)
      throw new Error(`the size of its ${quoted(name)} is damaged`);
    this.#requireNotBelowLink(name, path);
    if (kind === 'hardlink') requirePath(target ?? '');
    if (kind === 'symlink') this.#remember(path);
    this.#entries += 1;
    this.#bytes += Math.ceil(bytes / smallestBlockBytes) * smallestBlockBytes;
    if (kind !== 'directory') this.#files += 1;
    if (this.#entries > mostEntries) throw new Error(`it has more than ${mostEntries} entries`);
    if (this.#bytes > mostBytes) throw new Error(`unpacked it takes more than ${mostBytes / 1024 ** 3} GiB`);
  }

  /** Bytes that all entries take on a disk, or less, once all were added. */
  whole(): number {
    if (this.#files === 0) throw new Error('it is empty: there is no file in it');
    return this.#bytes;
  }

  /** A file that is unpacked through a link lands wherever the link leads. */
  #requireNotBelowLink(name: string, path: readonly string[]): void {
    if (this.#links.size === 0) return;
    for (let length = 1; length < path.length; length += 1) {
      if (!this.#links.has(path.slice(0, length).join('/'))) continue;
      throw new Error(`its ${quoted(name)} is to be unpacked through a link of the package`);
    }
  }

  #remember(path: readonly string[]): void {
    const link = path.join('/');
    this.#linkBytes += link.length;
    if (this.#linkBytes > mostLinkBytes) throw new Error('it has too many links');
    this.#links.add(link);
  }
}

/** The parts of a path that stays within the package. */
function requirePath(name: string): readonly string[] {
  if (name.startsWith('/')) throw new Error(`its ${quoted(name)} has an absolute name`);
  if (name.includes('\0')) throw new Error(`the name of its ${quoted(name)} contains a NUL character`);
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw new Error(`its ${quoted(name)} leads out of the package`);
  if (name.length > longestPathBytes || parts.some(({ length }) => length > longestPartBytes)) {
    throw new Error(`the name of its ${quoted(name)} is too long`);
  }
  if (parts[0]?.startsWith(reserved) === true) {
    throw new Error(
      `its ${quoted(name)} has a name that Coppice uses itself: none may begin with ${reserved}`,
    );
  }
  return parts;
}

function quoted(name: string): string {
  const shown = name.length > quotedBytes ? `${name.slice(0, quotedBytes)}…` : name;
  return JSON.stringify(Buffer.from(shown, 'latin1').toString());
}
