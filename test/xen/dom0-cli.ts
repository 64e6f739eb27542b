/** A dom0 for working on the Xen driver; `node test/xen/dom0-cli.ts` prints the commands. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { Dom0, dom0Address } from './dom0.ts';
import { repository } from './image.ts';

const folder = join(repository, '.coppice/dom0');

async function running(): Promise<Dom0> {
  const dom0 = await Dom0.find(folder);
  if (dom0 === undefined) throw new Error('no dom0 runs for this checkout: start one with dom0-cli.ts up');
  return dom0;
}

/** Connects to the running dom0, and disconnects afterwards. */
async function withDom0(use: (dom0: Dom0) => Promise<void>): Promise<void> {
  const dom0 = await running();
  try {
    await use(dom0);
  } finally {
    dom0.leave();
  }
}

async function up(options: { readonly memory: number; readonly dom0Memory: number }): Promise<void> {
  if ((await Dom0.find(folder)) !== undefined) {
    console.log('A dom0 is already running.');
    return;
  }
  await rm(folder, { recursive: true, force: true }); // left by a dom0 that died with the machine
  const began = Date.now();
  const size = { memoryMiB: options.memory, dom0MemoryMiB: options.dom0Memory };
  const dom0 = await Dom0.boot({ ...size, folder, detached: true });
  dom0.leave();
  console.log(`Xen's dom0 answered after ${((Date.now() - began) / 1000).toFixed(1)} s.`);
}

async function run(argv: readonly string[]): Promise<void> {
  await withDom0(async (dom0) => {
    const { exitCode, stdout, stderr } = await dom0.exec(['/usr/bin/env', '--', ...argv]);
    process.stdout.write(stdout);
    process.stderr.write(stderr);
    process.exitCode = exitCode;
  });
}

const program = new Command('dom0-cli.ts')
  .description(
    'a host with a real Xen under QEMU: this repository is at /coppice in it, .coppice/dom0/share at /share',
  )
  .enablePositionalOptions();
program
  .command('up')
  .description('boot a dom0 on an empty disk, unless one is running')
  .option('--memory <MiB>', 'memory of the whole machine', Number, 2048)
  .option('--dom0-memory <MiB>', "dom0's share of it", Number, 1024)
  .action(up);
program
  .command('run')
  .description('run a program in dom0: `run xl list`, `run sh -c "…"`')
  .argument('<argv...>')
  .passThroughOptions()
  .action(run);
program
  .command('push')
  .description('copy a file into dom0')
  .argument('<source>')
  .argument('<target>')
  .action((source: string, target: string) => withDom0((dom0) => dom0.copyIn(source, target)));
program
  .command('pull')
  .description('copy a file out of dom0')
  .argument('<source>')
  .argument('<target>')
  .action((source: string, target: string) => withDom0((dom0) => dom0.copyOut(source, target)));
program
  .command('forward')
  .description(`print the local port that leads to a port of dom0 (${dom0Address}) or of a VM on its bridge`)
  .argument('<port>', 'TCP port', Number)
  .argument('[address]', 'address on the bridge', dom0Address)
  .action((port: number, address: string) =>
    withDom0(async (dom0) => console.log(await dom0.forward(address, port))),
  );
program
  .command('console')
  .description('print what Xen and dom0 wrote to the console')
  .action(() => withDom0(async (dom0) => void process.stdout.write(await dom0.console())));
program
  .command('reboot')
  .description('reboot from the same disk')
  .option('--power-cut', 'without shutting down first')
  .action(({ powerCut }: { readonly powerCut?: boolean }) =>
    withDom0((dom0) => dom0.reboot(powerCut ? 'power-cut' : 'orderly')),
  );
program
  .command('down')
  .description('end dom0 with all its VMs, and delete its disk')
  .action(async () => {
    await (await Dom0.find(folder))?.close();
    await rm(folder, { recursive: true, force: true });
  });

try {
  await program.parseAsync();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
