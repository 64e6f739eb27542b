import { readFile } from 'node:fs/promises';
import type { Problem } from '../../../host/protocol.ts';
import { codeOf, hostErrors, toHostError, toProblem } from '../../errors.ts';
import type { DriverInfo } from '../driver.ts';
import type { ConsoleLogs } from './console.ts';
import type { XenInfo } from './parse.ts';
import type { Toolstack } from './toolstack.ts';

/** See {@link Driver.probe}. */
export async function probeXen(
  toolstack: Toolstack,
  consoles: ConsoleLogs,
  bridge: string | undefined,
): Promise<DriverInfo> {
  const fixed = {
    name: 'xen',
    capabilities: [
      'serialCreation',
      'checkpoint',
      ...(bridge === undefined ? [] : ['bridgeNetwork' as const]),
    ],
    creationConcurrency: 1,
  } as const;
  try {
    const info = await toolstack.info();
    return {
      ...fixed,
      version: info.version,
      accelerator: 'xen',
      warnings: await warningsOf(info, consoles),
    };
  } catch (error) {
    return { ...fixed, version: 'none', accelerator: 'none', problem: toProblem(toHostError(error)) };
  }
}

async function warningsOf(info: XenInfo, consoles: ConsoleLogs): Promise<readonly Problem[]> {
  const unlogged = (await consoles.directory()) === undefined;
  const balloons = !/\bdom0_mem=/.test(info.commandLine) && !(await balloonsNever());
  return [
    ...(unlogged ? [toProblem(hostErrors.consoleNotLogged())] : []),
    ...(balloons ? [toProblem(hostErrors.domainZeroBalloons())] : []),
  ];
}

/** Whether xl was told to leave dom0's memory alone; what it does by itself depends on Xen's command line. */
async function balloonsNever(): Promise<boolean> {
  try {
    return /^\s*autoballoon\s*=\s*(["']?off["']?|0)/m.test(await readFile('/etc/xen/xl.conf', 'utf8'));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}
