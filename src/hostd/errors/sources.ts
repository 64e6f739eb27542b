import type { Problem } from '../../host/protocol.ts';
import { HostError, messageOf } from './host-error.ts';

/** Fetching layers and packages, and what came of it. */
export const sourceErrors = {
  unreachable: (url: string, cause: unknown) =>
    new HostError('SourceUnreachable', `${url} cannot be fetched: ${messageOf(cause)}; check the address`, {
      cause,
    }),
  sourceStatus: (url: string, status: number) =>
    new HostError('SourceUnreachable', `${url} answered with HTTP status ${status}; check the address`),
  sourceUnsupported: (url: string) =>
    new HostError('SourceUnsupported', `${url} is no file:, http: or https: address`, { kind: 'stalled' }),
  redirectCircle: (url: string, chain: readonly string[]) =>
    new HostError(
      'RedirectCircle',
      `${url} redirects in a circle: ${chain.join(' → ')}; use the final address`,
    ),
  tooManyRedirects: (url: string, limit: number) =>
    new HostError('TooManyRedirects', `${url} redirects more than ${limit} times; use the final address`),
  endedEarly: (url: string, received: number, expected: number) =>
    new HostError(
      'SourceEndedEarly',
      `${url} ended after ${received} of ${expected} bytes; it is tried again from there`,
    ),
  digestMismatch: (url: string, expected: string, actual: string) =>
    new HostError(
      'DigestMismatch',
      `${url} has the sha256 ${actual}, ${expected} was asked for: correct the digest or the address`,
      { kind: 'stalled' },
    ),
  layerCorrupt: (path: string, expected: string, actual: string) =>
    new HostError(
      'LayerCorrupt',
      `${path} was stored with the sha256 ${expected} and now has ${actual}: something changed it; delete the ` +
        'appliances on it, then the layer, and apply again',
      { kind: 'stalled' },
    ),
  layerNotHere: (sha256: string) =>
    new HostError('LayerMissing', `layer ${sha256} was not yet given to this host; it goes on when it is`),
  layerNotReady: (sha256: string, problem: Problem | undefined) =>
    new HostError(
      problem?.reason ?? 'LayerNotReady',
      `layer ${sha256} is not ready: ${problem?.message ?? 'it is being fetched'}`,
    ),
  fileNotAllowed: (url: string, roots: readonly string[]) =>
    new HostError(
      'FileNotAllowed',
      roots.length === 0
        ? `${url} is a file of the host, and its daemon was given no folder to read such files from (--file-root): ` +
            'serve it over https:, or have the folder allowed'
        : `${url} does not lie in a folder from which this host reads files (${roots.join(', ')}): put it there, ` +
            'serve it over https:, or have its folder allowed (--file-root)',
      { kind: 'stalled' },
    ),
  packageInvalid: (fileName: string, cause: unknown) =>
    new HostError(
      'PackageInvalid',
      `the package ${fileName} cannot be read: ${messageOf(cause)}; build and publish it anew`,
      { kind: 'stalled', cause },
    ),
  packageFileOutside: (name: string) =>
    new HostError(
      'PackageInvalid',
      `the package's file ${JSON.stringify(name)} lies outside the package: rename it`,
      { kind: 'stalled' },
    ),
};
