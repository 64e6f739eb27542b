import { describe, expect, it } from 'vitest';
import { createProgram } from './program.ts';

const { commands } = await createProgram('main.ts');

/** The text of --help, examples included. */
function helpOf(name: string): string {
  const command = commands.find((one) => one.name() === name);
  let text = '';
  command?.configureOutput({ writeOut: (words) => (text += words) }).outputHelp();
  return text;
}

describe('the command line', () => {
  it('has the commands that the README names', () => {
    expect(commands.map((command) => command.name())).toEqual([
      ...['up', 'down', 'status', 'demo', 'get', 'describe', 'logs', 'console', 'host', 'verify', 'clear'],
      ...['api', 'operator', 'hostd'],
    ]);
  });

  it.each(commands.map((command) => command.name()))(
    '%s has a description, an example and words on every option',
    (name) => {
      const command = commands.find((one) => one.name() === name);
      expect(command?.description()).not.toBe('');
      expect(command?.options.filter(({ description }) => description === '')).toEqual([]);
      expect(helpOf(name)).toMatch(/Example:\n {2}(npm run|coppice) /);
    },
  );

  it('loads the one command that is asked for, none for the version, or all when it does not know it', async () => {
    expect((await createProgram('main.ts', 'hostd')).commands.map((one) => one.name())).toEqual(['hostd']);
    expect((await createProgram('main.ts', '--version')).commands).toEqual([]);
    for (const name of ['--help', 'help', 'hots', 'toString']) {
      expect((await createProgram('main.ts', name)).commands).toHaveLength(commands.length);
    }
  });

  it.each(['up', 'down', 'status', 'demo', 'api', 'operator', 'hostd'])('%s takes a config file', (name) => {
    expect(helpOf(name)).toContain('--config <file>');
  });
});
