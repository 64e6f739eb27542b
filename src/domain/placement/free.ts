import { isEmptySelector, matchesSelector } from '../selector.ts';
import type { Exclusion, NeededCapability, PlacementHost, PlacementRequest } from './types.ts';

const PARTS = 1_000_000;

/** The reason against a host that lacks a capability. */
const LACKING: Readonly<Record<NeededCapability, Exclusion>> = {
  userNetwork: 'NoUserNetwork',
  bridgeNetwork: 'NoBridge',
  uefi: 'NoUefi',
  dataDisk: 'NoDataDisks',
  scsiDisk: 'NoScsiDisks',
  hvmCdDrive: 'NoCds',
  cdDrive: 'NoCdDrive',
  capturable: 'NotCapturing',
};

/**
 * Lines 4 and 5 of Algorithm 1 (SO-MVDS 4.2): free = total × threshold − used, in whole millicores and bytes.
 */
export function freeCpuMillis(host: PlacementHost): number {
  return shareOf(host.totalCpuMillis, host.thresholdCpu) - host.usedCpuMillis;
}

/** @see freeCpuMillis */
export function freeMemoryBytes(host: PlacementHost): number {
  return shareOf(host.totalMemoryBytes, host.thresholdMemory) - host.usedMemoryBytes;
}

/** Why the host is excluded for this request before amounts are compared; null when it is not. */
export function exclusionOf(request: PlacementRequest, host: PlacementHost): Exclusion | null {
  if (!host.ready) return 'NotReady';
  const { hosts, hostSelector, capabilities = [], guestType } = request;
  if (hosts !== undefined && hosts.length > 0 && !hosts.includes(host.name)) return 'NotAppointed';
  if (hostSelector !== undefined && !matchesSelector(hostSelector, host.labels)) return 'SelectorMismatch';
  const lacking = capabilities.find((each) => !host.capabilities?.includes(each));
  if (lacking !== undefined) return LACKING[lacking];
  if (guestType !== undefined && host.guestTypes?.includes(guestType) === false) return 'NoHardwareVms';
  return withoutDirectory(request, host);
}

function withoutDirectory(
  { sharedDirectories }: PlacementRequest,
  { sharedDirectory }: PlacementHost,
): Exclusion | null {
  if (sharedDirectories === undefined) return null;
  if (sharedDirectory === undefined) return 'NoSharedDirectory';
  const isOther = sharedDirectories.length > 0 && !sharedDirectories.includes(sharedDirectory);
  return isOther ? 'OtherSharedDirectory' : null;
}

/** Whether the request admits every ready host. */
export function isUnfiltered(request: PlacementRequest): boolean {
  const { hosts = [], hostSelector, capabilities = [], guestType, sharedDirectories } = request;
  const needsNothing =
    capabilities.length === 0 && guestType === undefined && sharedDirectories === undefined;
  return hosts.length === 0 && isEmptySelector(hostSelector) && needsNothing;
}

/**
 * Floor of total × threshold, with the threshold rounded to six decimals. The product is split, so that it is exact where the
 * product of doubles is not (0.57 × 100 is 56.99…), and no intermediate result leaves the safe integers.
 */
function shareOf(total: number, threshold: number): number {
  const parts = Math.round(threshold * PARTS);
  const rest = total % PARTS;
  return ((total - rest) / PARTS) * parts + Math.floor((rest * parts) / PARTS);
}
