import { readFile } from 'node:fs/promises';
import { codeOf, hostErrors, toHostError, toProblem } from '../../errors/index.ts';
import { bridgeProblem } from '../../network/bridge.ts';
import type { DriverInfo } from '../driver.ts';
import type { XenContext } from './context.ts';
import type { XenInfo } from './xl/parse.ts';

/** See {@link Driver.probe}. */
export async function probeXen(context: XenContext, bridge: string | undefined): Promise<DriverInfo> {
  const lost =
    bridge === undefined ? undefined : await bridgeProblem(context.network, bridge, { taps: false });
  const bridged = bridge !== undefined && lost === undefined;
  const fixed = {
    name: 'xen',
    capabilities: ['serialCreation', 'checkpoint', ...(bridged ? (['bridgeNetwork'] as const) : [])],
    creationConcurrency: 1,
  } as const;
  try {
    const info = await context.toolstack.info();
    const warnings = [...(lost === undefined ? [] : [lost]), ...(await warningsOf(context, info))];
    return {
      ...fixed,
      version: info.version,
      accelerator: 'xen',
      warnings: warnings.map((each) => toProblem(each)),
    };
  } catch (error) {
    return { ...fixed, version: 'none', accelerator: 'none', problem: toProblem(toHostError(error)) };
  }
}

async function warningsOf({ consoles, xlConfiguration }: XenContext, info: XenInfo) {
  const unlogged = (await consoles.directory()) === undefined;
  const balloons = !/\bdom0_mem=/.test(info.commandLine) && !(await balloonsNever(xlConfiguration));
  return [
    ...(unlogged ? [hostErrors.consoleNotLogged()] : []),
    ...(balloons ? [hostErrors.domainZeroBalloons()] : []),
  ];
}

/** Whether xl was told to leave dom0's memory alone; what it does by itself depends on Xen's command line. */
async function balloonsNever(xlConfiguration: string): Promise<boolean> {
  try {
    return /^\s*autoballoon\s*=\s*(["']?off["']?|0)/m.test(await readFile(xlConfiguration, 'utf8'));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}
