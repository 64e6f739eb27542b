import { shownUrl } from '../../base/shown-url.ts';
import type { Problem } from '../../host/protocol.ts';
import { HostError, messageOf } from './host-error.ts';

/** Errors of fetching layers and packages, and of what was fetched. */
export const sourceErrors = {
  unreachable: (url: string, cause: unknown) =>
    new HostError(
      'SourceUnreachable',
      `${shownUrl(url)} cannot be fetched: ${messageOf(cause)}; check the address`,
      {
        cause,
      },
    ),
  sourceStatus: (url: string, status: number) =>
    new HostError(
      'SourceUnreachable',
      `${shownUrl(url)} answered with HTTP status ${status}; check the address`,
    ),
  sourceUnsupported: (url: string) =>
    new HostError(
      'SourceUnsupported',
      `${shownUrl(url)} is not an address of a kind that is fetched (file:, http:, https:; for disks also docker:)`,
      {
        kind: 'stalled',
      },
    ),
  sourceUserinfo: (url: string) =>
    new HostError(
      'SourceUserinfo',
      `the address ${shownUrl(url)} is given with a user or password, which are not used and would be seen by others: remove ` +
        'them; a signed link, or a server that lets this host in, works without',
      { kind: 'stalled' },
    ),
  registryAnswer: (url: string, problem: string) =>
    new HostError(
      'RegistryRefused',
      `the registry of ${shownUrl(url)} ${problem}: check registry and repository in the address, and that they can be read without a ` +
        'login',
    ),
  manifestMissing: (url: string, digest: string) =>
    new HostError(
      'SourceUnreachable',
      `${shownUrl(url)} has no manifest ${digest}: sha256 is the digest of the image's manifest (\`crane digest\`), not that of a file ` +
        'or of an image id',
    ),
  containerImageUnusable: (url: string, problem: string) =>
    new HostError(
      'ImageInvalid',
      `${shownUrl(url)} ${problem}: name a container image with a disk image in /disk, and the digest of its manifest, in a new template`,
      { kind: 'stalled' },
    ),
  redirectCircle: (url: string, chain: readonly string[]) =>
    new HostError(
      'RedirectCircle',
      `${shownUrl(url)} redirects in a circle: ${chain.map(shownUrl).join(' → ')}; use the final address`,
    ),
  tooManyRedirects: (url: string, limit: number) =>
    new HostError(
      'TooManyRedirects',
      `${shownUrl(url)} redirects more than ${limit} times; use the final address`,
    ),
  endedEarly: (url: string, received: number, expected: number) =>
    new HostError(
      'SourceEndedEarly',
      `${shownUrl(url)} ended after ${received} of ${expected} bytes; the daemon continues from there`,
    ),
  sourceSlow: (url: string, bytesPerSecond: number) =>
    new HostError(
      'SourceSlow',
      `${shownUrl(url)} gives less than ${bytesPerSecond} bytes a second: the daemon goes on, beside other fetches, which do not wait ` +
        'for it; check the server',
    ),
  digestMismatch: (url: string, expected: string, actual: string, isCertain: boolean) =>
    new HostError(
      'DigestMismatch',
      `${shownUrl(url)} has the sha256 ${actual}, but ${expected} was requested: ` +
        (isCertain
          ? 'correct the digest or the address'
          : 'the daemon fetches it again, in case the server was disturbed; if this stays, correct the digest or the address'),
      { kind: isCertain ? 'stalled' : 'retry' },
    ),
  layerCorrupt: (path: string, identity: string) =>
    new HostError(
      'LayerCorrupt',
      `${path} no longer has the content of layer ${identity}: something changed it; delete the appliances on this host that use it, ` +
        'then the layer, and it is fetched again',
      { kind: 'stalled' },
    ),
  layerDamaged: (what: string, problem: string) =>
    new HostError('LayerDamaged', `${what} cannot be used as a layer: ${problem}`, { kind: 'stalled' }),
  layerNotHere: (identity: string) =>
    new HostError(
      'LayerMissing',
      `layer ${identity} is not on this host yet; what needs it goes on once it is`,
    ),
  layerNotReady: (identity: string, problem: Problem | undefined) =>
    new HostError(
      problem?.reason ?? 'LayerNotReady',
      `layer ${identity} is not ready: ${problem?.message ?? 'it is being fetched'}`,
    ),
  fileNotAllowed: (url: string, roots: readonly string[]) =>
    new HostError(
      'FileNotAllowed',
      roots.length === 0
        ? `${shownUrl(url)} is a file of the host, and its daemon was given no folder to read files from (--file-root): ` +
            'serve it over https:, or have its folder allowed'
        : `${shownUrl(url)} is not in a folder from which this host reads files (${roots.join(', ')}): put it there, ` +
            'serve it over https:, or have its folder allowed (--file-root)',
      { kind: 'stalled' },
    ),
  packageInvalid: (fileName: string, cause: unknown) =>
    new HostError(
      'PackageInvalid',
      `the package ${fileName} cannot be read: ${messageOf(cause)}; build and publish it again`,
      { kind: 'stalled', cause },
    ),
  packageFileOutside: (name: string) =>
    new HostError(
      'PackageInvalid',
      `the package's file ${JSON.stringify(name)} would be written outside the package's folder: rename it`,
      { kind: 'stalled' },
    ),
};
