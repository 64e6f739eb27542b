import { access, readFile } from 'node:fs/promises';
import { basename, dirname, resolve, sep } from 'node:path';
import { hostErrors, toHostError, toProblem } from '../../errors/index.ts';
import { ifThere } from '../../files/if-there.ts';
import { bridgeProblem } from '../../network/bridge.ts';
import { isFile } from '../common/process-folder.ts';
import type { DriverInfo, MachineUse } from '../driver.ts';
import type { XenContext } from './context.ts';
import { domainRecordPath } from './domain/domain-record.ts';
import { isUnfinished, type XenInfo } from './xl/parse.ts';
import type { Toolstack } from './xl/toolstack.ts';

/** See {@link Driver.probe}. */
export async function probeXen(context: XenContext, bridge: string | undefined): Promise<DriverInfo> {
  const lost =
    bridge === undefined ? undefined : await bridgeProblem(context.network, bridge, { taps: false });
  const bridged = bridge !== undefined && lost === undefined;
  const fixed = {
    name: 'xen',
    capabilities: [
      'serialCreation',
      'checkpoint',
      'dataDisk',
      'hvmCdDrive',
      ...(bridged ? (['bridgeNetwork'] as const) : []),
    ],
    creationConcurrency: 1,
  } as const;
  try {
    const info = await context.toolstack.info();
    const warnings = [...(lost === undefined ? [] : [lost]), ...(await warningsOf(context, info))];
    return {
      ...fixed,
      version: info.version,
      accelerator: 'xen',
      guestTypes: hasHardwareVms(info) ? ['PV', 'PVH', 'HVM'] : ['PV'],
      warnings: warnings.map((each) => toProblem(each)),
    };
  } catch (error) {
    return { ...fixed, version: 'none', accelerator: 'none', problem: toProblem(toHostError(error)) };
  }
}

/** Whether the CPU can run PVH and HVM guests. */
export function hasHardwareVms({ capabilities }: XenInfo): boolean {
  return capabilities.some((each) => each.startsWith('hvm-'));
}

async function warningsOf({ consoles, xlConfiguration }: XenContext, info: XenInfo) {
  const unlogged = (await consoles.directory()) === undefined;
  const balloons = !/\bdom0_mem=/.test(info.commandLine) && !(await balloonsNever(xlConfiguration));
  return [
    ...(unlogged ? [hostErrors.consoleNotLogged()] : []),
    ...(balloons ? [hostErrors.domainZeroBalloons()] : []),
  ];
}

/** Whether xl's settings forbid it to take memory from dom0. Without a setting, Xen's command line decides. */
async function balloonsNever(xlConfiguration: string): Promise<boolean> {
  const settings = (await ifThere(readFile(xlConfiguration, 'utf8'))) ?? '';
  return /^\s*autoballoon\s*=\s*(["']?off["']?|0)/m.test(settings);
}

/**
 * The whole machine as Xen sees it; dom0's own system sees only dom0's share. Memory in use is what Xen could not give to a new
 * domain: total minus free, so dom0 and Xen itself count. CPU time is the sum over all domains, of which dom0 is one.
 */
export async function measureMachine(toolstack: Toolstack): Promise<MachineUse> {
  const [info, domains] = await Promise.all([toolstack.info(), toolstack.recentDomains()]);
  const vms = domains.map(({ uuid, cpuSeconds, memoryBytes }) => ({
    uuid,
    busyMillis: Math.round(cpuSeconds * 1000),
    memoryBytes,
  }));
  return {
    cpuMillis: info.cpus * 1000,
    memoryBytes: info.totalBytes,
    busyMillis: vms.reduce((sum, { busyMillis }) => sum + busyMillis, 0),
    usedMemoryBytes: info.totalBytes - info.freeBytes,
    vms,
  };
}

/**
 * Names of the domains, other than Domain-0, that have no disk in an existing folder below `root`, nor in one of another daemon, in
 * order. Half-made domains are left out, because their disks are not known yet.
 */
export async function foreignVms(toolstack: Toolstack, root: string): Promise<readonly string[]> {
  const domains = (await toolstack.recentDomains()).filter(({ id }) => id !== 0);
  if (domains.length === 0) return [];
  const disks = await toolstack.firstDisks(domains);
  const own = `${resolve(root)}${sep}`;
  const foreign: string[] = [];
  for (const domain of domains) {
    const paths = disks.get(domain.id);
    if (paths === undefined && isUnfinished(domain)) continue;
    const ours = await Promise.all(
      (paths ?? []).map(async (path) => {
        const directory = dirname(path);
        return (path.startsWith(own) && (await isThere(directory))) || (await isOfDaemon(directory, domain));
      }),
    );
    if (!ours.includes(true)) foreign.push(domain.name ?? `domain ${domain.id}`);
  }
  return foreign.sort();
}

/** Whether the folder is one in which a daemon made this domain. */
async function isOfDaemon(directory: string, { uuid }: { readonly uuid: string }): Promise<boolean> {
  return basename(directory) === uuid && (await isFile(domainRecordPath(directory)));
}

/** No appliance claims a domain whose folder is gone. */
function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
