import { Command, Option } from 'commander';
import { interruption } from '../steps.ts';
import { inspectFile } from '../template-check/inspect.ts';
import { showReport } from '../template-check/show.ts';

const EXAMPLES = `
It reads the file and asks no server. The exit code is 1 when the file cannot be used as it is.

Example:
  coppice template check debian-12-genericcloud-amd64.qcow2
  coppice template check disk.vmdk -o json
  TMPDIR=/var/tmp coppice template check large.qcow2   # where what it looks into is copied to`;

/** `coppice template check FILE`: what a local file is as a template, as a host's daemon judges it. */
export function templateCheckCommand(): Command {
  return new Command('check')
    .description(
      'say what a local file is as a template: format, size, partitions, firmware, operating system, agent, and what is missing',
    )
    .argument('<file>', 'a disk image: qcow2, raw, VMDK, VDI, VHDX or VHD')
    .addOption(new Option('-o, --output <format>', 'json, for programs').choices(['json']))
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, { output }: { output?: 'json' }) => {
      const signal = interruption(console.error, 'Interrupted.');
      const report = await inspectFile(file, process.env.PATH ?? '', signal);
      console.log(output === 'json' ? JSON.stringify(report, undefined, 2) : showReport(report));
      if (!report.usable) process.exitCode = 1;
    });
}
