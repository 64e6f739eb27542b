import { describe, expect, it } from 'vitest';
import { createProgram } from './program.ts';

const { commands } = await createProgram('main.ts');

/** The text of --help, examples included. */
function helpOf(name: string): string {
  const command = commands.find((one) => one.name() === name);
  let text = '';
  command?.configureOutput({ writeOut: (part) => (text += part) }).outputHelp();
  return text;
}

describe('the command line', () => {
  it('has the commands that the README names', () => {
    expect(commands.map((command) => command.name())).toEqual([
      ...[
        'up',
        'down',
        'status',
        'demo',
        'get',
        'describe',
        'logs',
        'console',
        'exec',
        'cp',
        'ssh',
        'fork',
        'recall',
        'redeploy',
        'template',
        'host',
        'verify',
        'templates',
        'label',
        'follow',
        'unfollow',
        'clear',
      ],
      ...['version', 'api', 'operator', 'supervise', 'hostd'],
    ]);
  });

  it.each(commands.map((command) => command.name()))(
    '%s has a description, an example, and a text for every option',
    (name) => {
      const command = commands.find((one) => one.name() === name);
      expect(command?.description()).not.toBe('');
      expect(command?.options.filter(({ description }) => description === '')).toEqual([]);
      expect(helpOf(name)).toMatch(/Example:\n {2}(npm run|coppice) /);
    },
  );

  it.each(['/var/lib/coppice', '/var/lib/coppice/shared', '/var/lib'])(
    'refuses %s as the directory that a host shares when its own state lies in /var/lib/coppice',
    async (folder) => {
      const [hostd] = (await createProgram('main.ts', 'hostd')).commands;
      const tls = ['--name', 'a', '--tls-cert', 'a', '--tls-key', 'a', '--client-ca', 'a'];
      const options = [...tls, '--state-dir', '/var/lib/coppice', '--shared-directory', folder];
      hostd?.exitOverride().configureOutput({ writeErr: () => undefined });
      await expect(hostd?.parseAsync(options, { from: 'user' })).rejects.toThrow('keep them apart');
    },
  );

  it('loads only the command that runs, none for the version, or all for an unknown one', async () => {
    expect((await createProgram('main.ts', 'hostd')).commands.map((one) => one.name())).toEqual(['hostd']);
    expect((await createProgram('main.ts', '--version')).commands).toEqual([]);
    for (const name of ['--help', 'help', 'hots', 'toString']) {
      expect((await createProgram('main.ts', name)).commands).toHaveLength(commands.length);
    }
  });

  it.each(['up', 'down', 'status', 'demo', 'api', 'operator', 'supervise', 'hostd'])(
    '%s takes a config file',
    (name) => {
      expect(helpOf(name)).toContain('--config <file>');
    },
  );
});
