/** A digest that a file of checksums gives a file. */
export type Checksum = {
  readonly algorithm: 'sha256' | 'sha512';
  readonly hex: string;
  /** The file name in the list of checksums, perhaps with a path; empty if the list has a digest alone. */
  readonly name: string;
};

/** `sha256sum`: a digest, then a blank and the mark of text or binary, then the name. */
const GNU = /^\\?([0-9a-f]{64}|[0-9a-f]{128}) [ *](.+)$/i;
/** `sha256sum --tag`, BSD's `sha256`, and Fedora's CHECKSUM. */
const BSD = /^\\?SHA(256|512) \((.+)\) = ([0-9a-f]{64}|[0-9a-f]{128})$/i;
const ALONE = /^([0-9a-f]{64}|[0-9a-f]{128})$/i;

/** Reads SHA256SUMS, SHA512SUMS and the like; lines of another form, such as a signature's, are passed over. */
export function readChecksums(text: string): readonly Checksum[] {
  return text.split('\n').flatMap((line) => checksumIn(line.trimEnd()) ?? []);
}

function checksumIn(line: string): Checksum | undefined {
  const [, gnuHex, gnuName] = GNU.exec(line) ?? [];
  if (gnuHex !== undefined && gnuName !== undefined) return checksum(gnuHex, gnuName);
  const [, bits, bsdName, bsdHex] = BSD.exec(line) ?? [];
  if (bsdHex !== undefined && bsdName !== undefined) {
    const found = checksum(bsdHex, bsdName);
    return found.algorithm === `sha${bits}` ? found : undefined;
  }
  const [, hex] = ALONE.exec(line) ?? [];
  return hex === undefined ? undefined : checksum(hex, '');
}

function checksum(hex: string, name: string): Checksum {
  return { algorithm: hex.length === 64 ? 'sha256' : 'sha512', hex: hex.toLowerCase(), name };
}

/**
 * The checksum of a file of this name, wherever it lies, the shorter digest if there are two. A digest that stands there alone is that of
 * any file. Throws when files of that name have different ones.
 */
export function checksumOf(checksums: readonly Checksum[], fileName: string): Checksum | undefined {
  const named = checksums.filter(({ name }) => name.split('/').at(-1) === fileName);
  const fitting = named.length > 0 ? named : checksums.filter(({ name }) => name === '');
  for (const algorithm of ['sha256', 'sha512'] as const) {
    const [first, ...others] = fitting.filter((one) => one.algorithm === algorithm);
    if (first === undefined) continue;
    if (others.every(({ hex }) => hex === first.hex)) return first;
    const names = [first, ...others].map(({ name }) => name || 'a digest alone').join(', ');
    throw new Error(`it gives several files of the name ${fileName} different digests (${names})`);
  }
  return undefined;
}
