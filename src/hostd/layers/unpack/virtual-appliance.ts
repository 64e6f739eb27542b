import { createHash, type Hash } from 'node:crypto';
import { hostErrors } from '../../errors/index.ts';
import { KIND_BYTES, kindOf } from '../image/formats.ts';
import { type ArchivedFile, visitFiles } from './archive.ts';
import { ALGORITHMS, type Algorithm, type ManifestDigest, readManifest } from './manifest.ts';
import type { SparseFile } from './sparse-file.ts';

/** Descriptors and manifests are text: what is larger is something else. */
const TEXT_BYTES = 4 * 1024 * 1024;
/** So many names stand in a message. */
const NAMED = 10;

type Found = {
  hasDescriptor: boolean;
  manifest: ReadonlyMap<string, ManifestDigest>;
  readonly disks: string[];
  readonly digests: Map<string, Readonly<Record<Algorithm, string>>>;
};

/**
 * Writes the disk of an OVA, a tar with an .ovf and one disk, and compares it with the manifest if there is one. Other files are passed
 * over. Rejects with `ImageInvalid` when there is no disk, or more than one.
 * https://www.dmtf.org/sites/default/files/standards/documents/DSP0243_2.1.1.pdf
 */
export async function takeApplianceDisk(
  tar: AsyncIterable<Uint8Array>,
  target: SparseFile,
  what: string,
): Promise<void> {
  const found: Found = { hasDescriptor: false, manifest: new Map(), disks: [], digests: new Map() };
  await visitFiles(tar, async (file) => {
    if (/\.(ovf|mf)$/i.test(file.name) && file.bytes <= TEXT_BYTES) await readText(file, found);
    else await lookForDisk(file, found, target);
    return undefined;
  });
  const { hasDescriptor, disks } = found;
  if (!hasDescriptor) throw hostErrors.imagePacked(what, 'a tar archive without an .ovf file', 'tar xf');
  if (disks.length !== 1) throw hostErrors.applianceInvalid(what, `it has ${described(disks)}`);
  const wrong = mismatchIn(found);
  if (wrong !== undefined) throw hostErrors.applianceInvalid(what, wrong);
}

async function readText(file: ArchivedFile, found: Found): Promise<void> {
  const content = await file.take(file.bytes);
  if (/\.mf$/i.test(file.name)) {
    found.manifest = readManifest(content.toString('latin1'));
    return;
  }
  found.hasDescriptor = true;
  const hashes = newHashes();
  update(hashes, content);
  found.digests.set(file.name, digestsOf(hashes));
}

/** A disk is known by its first bytes. What is no image of a known format is another of the appliance's files. */
async function lookForDisk(file: ArchivedFile, found: Found, target: SparseFile): Promise<void> {
  const head = await file.take(KIND_BYTES);
  const kind = kindOf(head);
  const isDisk = kind.kind === 'image' && kind.format !== 'raw';
  if (!isDisk && kind.kind !== 'packed') return;
  found.disks.push(file.name);
  // Of several disks none is used: the first is here already.
  if (found.disks.length > 1) return;
  const hashes = newHashes();
  const take = async (piece: Uint8Array) => {
    update(hashes, piece);
    await target.write(piece);
  };
  await take(head);
  for await (const piece of file.rest()) await take(piece);
  found.digests.set(file.name, digestsOf(hashes));
}

function described(disks: readonly string[]): string {
  if (disks.length === 0) {
    return 'no disk in a format that is known: put its disk into one VMDK, or publish the disk alone';
  }
  const more = disks.length > NAMED ? ` and ${disks.length - NAMED} more` : '';
  return (
    `${disks.length} disks (${disks.slice(0, NAMED).join(', ')}${more}), and a template has one: take out the one with the system ` +
    '(tar xf)'
  );
}

function mismatchIn({ manifest, digests }: Found): string | undefined {
  for (const [name, actual] of digests) {
    const expected = manifest.get(name);
    if (expected === undefined || actual[expected.algorithm] === expected.hex) continue;
    return (
      `its manifest gives ${name} the ${expected.algorithm} ${expected.hex}, and it has ${actual[expected.algorithm]}: ` +
      'export it again'
    );
  }
  return undefined;
}

type Hashes = readonly (readonly [Algorithm, Hash])[];

/** The manifest may come after the files, so that its algorithm is not known yet. */
const newHashes = (): Hashes => ALGORITHMS.map((algorithm) => [algorithm, createHash(algorithm)] as const);

function update(hashes: Hashes, piece: Uint8Array): void {
  for (const [, hash] of hashes) hash.update(piece);
}

function digestsOf(hashes: Hashes): Readonly<Record<Algorithm, string>> {
  const digests = { sha1: '', sha256: '', sha512: '' };
  for (const [algorithm, hash] of hashes) digests[algorithm] = hash.digest('hex');
  return digests;
}
