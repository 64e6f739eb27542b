import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { option, parseInteger, parseInterfaceName, parseListen, withConfigFile } from './options.ts';

describe('options', () => {
  let folder: string;
  let said: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'coppice-options-'));
    said = '';
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });

  const config = (text: string) => {
    writeFileSync(join(folder, 'config.yaml'), text);
    return ['--config', join(folder, 'config.yaml')];
  };
  const parse = async (...args: readonly string[]) => {
    let options: Record<string, unknown> | undefined;
    const command = withConfigFile(
      new Command('probe')
        .addOption(option('--size <number>', 'how many', 'PROBE_SIZE', 1).argParser(parseInteger(0, 9)))
        .addOption(option('--state-dir <folder>', 'where', 'PROBE_DIR').makeOptionMandatory())
        .addOption(option('--kind <kind>', 'which', 'PROBE_KIND', 'a').choices(['a', 'b']))
        .addOption(option('--loud', 'whether', 'PROBE_LOUD', false))
        .addOption(option('--root <folder...>', 'several', 'PROBE_ROOT'))
        .exitOverride()
        .configureOutput({ writeErr: (text) => (said += text) })
        .action((given: Record<string, unknown>) => {
          options = given;
        }),
    );
    await command.parseAsync(args, { from: 'user' });
    return options;
  };

  it('come from flags, else from the environment, else from the file, else from the default', async () => {
    const file = config('size: 3\nstate-dir: /file\n');
    expect(await parse('--state-dir', '/flag')).toMatchObject({ size: 1, stateDir: '/flag', kind: 'a' });
    expect(await parse(...file)).toMatchObject({ size: 3, stateDir: '/file', loud: false });
    vi.stubEnv('PROBE_SIZE', '5');
    expect(await parse(...file)).toMatchObject({ size: 5, stateDir: '/file' });
    expect(await parse(...file, '--size', '7', '--state-dir', '/flag')).toMatchObject({
      size: 7,
      stateDir: '/flag',
    });
  });

  it('come from a file that the environment names, switches included', async () => {
    const [, path = ''] = config('state-dir: /file\nloud: true\n');
    vi.stubEnv('COPPICE_CONFIG', path);
    expect(await parse()).toMatchObject({ stateDir: '/file', loud: true });
  });

  it('may have several values in the file if they may on the command line', async () => {
    const file = config('state-dir: /file\nroot: [/a, /b]\n');
    expect(await parse(...file)).toMatchObject({ root: ['/a', '/b'] });
    expect(await parse(...file, '--root', '/c', '--root', '/d')).toMatchObject({ root: ['/c', '/d'] });
    expect(await parse(...config('state-dir: /file\nroot: /a\n'))).toMatchObject({ root: '/a' });
  });

  it.each([
    [
      'sise: 3\nstate-dir: /x',
      "config.yaml: unknown option 'sise'; known are size, state-dir, kind, loud, root",
    ],
    ['config: other.yaml', "unknown option 'config'"],
    ['- size', 'must be a YAML mapping of option names to values'],
    ['just words', 'must be a YAML mapping of option names to values'],
    ['size: [', 'config.yaml'],
    ['size: 30\nstate-dir: /x', "config.yaml: 'size': it must be a whole number from 0 to 9"],
    ['kind: c\nstate-dir: /x', "config.yaml: 'kind': Allowed choices are a, b."],
    ['loud: loudly\nstate-dir: /x', "config.yaml: 'loud': it must be true or false"],
    ['state-dir: {a: b}', "config.yaml: 'state-dir': it must be a single value"],
    ['state-dir: [a, b]', "config.yaml: 'state-dir': it must be a single value"],
    ['root: [1, {}]', "config.yaml: 'root': it must be a single value"],
    ['state-dir:', "config.yaml: 'state-dir': it must be a single value"],
    ['size: 3', "required option '--state-dir <folder>' not specified"],
  ])('refuse the file %j', async (text, sentence) => {
    await expect(parse(...config(text))).rejects.toThrow();
    expect(said).toContain(sentence);
  });

  it('name a missing file in the error', async () => {
    await expect(parse('--config', join(folder, 'none.yaml'))).rejects.toThrow();
    expect(said).toContain(`cannot read ${join(folder, 'none.yaml')}`);
  });
});

describe('parseListen', () => {
  it.each([
    ['127.0.0.1:7443', { host: '127.0.0.1', port: 7443 }],
    ['[::1]:0', { host: '::1', port: 0 }],
    ['localhost:65535', { host: 'localhost', port: 65_535 }],
  ])('reads %s', (text, listen) => expect(parseListen(text)).toEqual(listen));

  it.each(['7443', ':7443', '::1:7443', 'a:65536', 'a:', 'a:-1', '[]:1'])('refuses %j', (text) =>
    expect(() => parseListen(text)).toThrow('ADDRESS:PORT'),
  );
});

describe('parseInterfaceName', () => {
  it.each(['br0', 'br-lan.8', 'a_15_characters'])('reads %s', (text) =>
    expect(parseInterfaceName(text)).toBe(text),
  );
  it.each(['', '-br0', '..', 'br 0', 'br/0', 'br0;reboot', 'of_16_characters'])('refuses %j', (text) =>
    expect(() => parseInterfaceName(text)).toThrow('the name of a network interface'),
  );
});

describe('parseInteger', () => {
  it('reads numbers within its bounds', () => {
    expect(parseInteger(1, 26)('1')).toBe(1);
    expect(parseInteger(1, 26)('26')).toBe(26);
  });
  it.each(['0', '27', '-1', '1.5', '', ' 2', '1e1', 'two'])('refuses %j', (text) =>
    expect(() => parseInteger(1, 26)(text)).toThrow('a whole number from 1 to 26'),
  );
});
