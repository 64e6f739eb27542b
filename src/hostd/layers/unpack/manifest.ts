/** A digest as a manifest of an OVF package gives it. */
export type ManifestDigest = { readonly algorithm: Algorithm; readonly hex: string };

export const ALGORITHMS = ['sha1', 'sha256', 'sha512'] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

const LINE = /^(SHA1|SHA256|SHA512)\s*\((.+)\)\s*=\s*([0-9a-f]+)\s*$/i;

/** The digests in a manifest (`SHA256(disk.vmdk)= …`), by the files' names. Lines of another form are passed over. */
export function readManifest(text: string): ReadonlyMap<string, ManifestDigest> {
  const digests = new Map<string, ManifestDigest>();
  for (const line of text.split('\n')) {
    const [, given = '', name = '', hex = ''] = LINE.exec(line) ?? [];
    const algorithm = ALGORITHMS.find((known) => known === given.toLowerCase());
    if (algorithm !== undefined) digests.set(name, { algorithm, hex: hex.toLowerCase() });
  }
  return digests;
}
