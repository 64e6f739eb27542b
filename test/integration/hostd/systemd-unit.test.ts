import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { hostdCommand } from '../../../src/cli/commands/hostd.ts';
import { findInPath } from '../../kubernetes/assets.ts';
import { itUnless } from '../../skip.ts';
import { withDirectory } from './fixtures.ts';

const run = promisify(execFile);
const repository = resolve(import.meta.dirname, '../../..');
const NAME = 'coppice-hostd.service';
const unit = await readFile(join(repository, 'examples/systemd', NAME), 'utf8');
const analyze = await findInPath('systemd-analyze', process.env);
const [program = '', command, ...flags] = (/^ExecStart=(.*)$/m.exec(unit)?.[1] ?? '').split(' ');

itUnless(
  analyze === undefined ? 'no systemd-analyze in the PATH' : undefined,
  'systemd takes the unit of a host',
  async () => {
    await withDirectory(async (directory) => {
      const verify = async (text: string) => {
        const file = join(directory, NAME);
        // It looks whether the program is there.
        await writeFile(file, text.replace(program, join(repository, 'bin/coppice')));
        const { stderr } = await run(analyze ?? '', ['verify', '--man=no', file]);
        return stderr.split('\n').filter((line) => line.includes(NAME));
      };
      expect(await verify(unit)).toEqual([]);
      expect(await verify(unit.replace('KillMode', 'KilMode'))).toHaveLength(1);
    });
  },
);

it('the unit of a host starts the daemon with flags that there are, and ends it alone', () => {
  expect(program).toBe('/opt/coppice/bin/coppice');
  expect(command).toBe('hostd');
  const known = hostdCommand().options.map(({ long }) => long);
  const given = flags.filter((word) => word.startsWith('--'));
  expect(given).toEqual(['--listen', '--state-dir']);
  expect(known).toEqual(expect.arrayContaining(given));
  expect(unit).toMatch(/^KillMode=process$/m);
});

it('the page about hosts and the chart name the unit', async () => {
  for (const file of ['docs/hosts.md', 'charts/coppice/templates/NOTES.txt']) {
    expect(await readFile(join(repository, file), 'utf8')).toContain(`examples/systemd/${NAME}`);
  }
});
