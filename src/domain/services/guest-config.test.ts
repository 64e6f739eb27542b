import { execFileSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { configureGuest } from './guest-config.ts';
import { execOf, inFolder, reasonOf, runHere, valuesOf } from './testing/plans.ts';

describe('configureGuest', () => {
  it('sets the hostname, and the environment quoted for a shell', () => {
    const [configure] = configureGuest({
      hostname: 'web-0',
      env: { QUOTED: "it's $HOME `x`", A: 'two\nlines' },
    });
    expect(valuesOf(configure)).toEqual(['2', 'web-0']);
    expect(configure).toMatchObject({
      env: { COPPICE_LINE_0: "A='two\nlines'", COPPICE_LINE_1: "QUOTED='it'\\''s $HOME `x`'" },
    });
  });

  it('writes the environment so that a shell reads it back, and not into any arguments', () => {
    const env = { QUOTED: 'it\'s $HOME `x` \\ "', LINES: 'two\nlines\n', EMPTY: '', SECRET: 's3cret' };
    const [action] = configureGuest({ env });
    expect(execOf(action).argv.join(' ')).not.toContain('s3cret');
    inFolder((folder) => {
      runHere(action, /\/etc\/coppice/g, folder);
      const print = `. ${folder}/env; for name in QUOTED LINES EMPTY SECRET; do eval "printf '%s\\0' \\"\\$$name\\""; done`;
      expect(execFileSync('/bin/sh', ['-c', print]).toString().split('\0')).toEqual([
        ...Object.values(env),
        '',
      ]);
      expect(statSync(join(folder, 'env')).mode & 0o777).toBe(0o600);
    });
  });

  it('empties the environment when there is none, and keeps the hostname when none is given', () => {
    const actions = configureGuest({});
    expect(actions.map(valuesOf)).toEqual([['0', '']]);
  });

  it('sets the hostname of the system, of its next boot, and of lookups, whatever it was before', () => {
    const [action] = configureGuest({ hostname: 'web-1' });
    inFolder((folder) => {
      const before = '127.0.0.1 localhost\n127.0.1.1 web-0\n127.0.1.10 other\n  10.0.0.1 far';
      writeFileSync(join(folder, 'hosts'), before);
      const folders = /\/(etc|proc\/sys\/kernel)(?=\/)/g;
      for (let run = 0; run < 2; run += 1) runHere(action, folders, folder);
      const contentOf = (name: string) => readFileSync(join(folder, name), 'utf8');
      expect(contentOf('hosts')).toBe(
        '127.0.0.1 localhost\n127.0.1.10 other\n  10.0.0.1 far\n127.0.1.1 web-1\n',
      );
      expect(statSync(join(folder, 'coppice')).mode & 0o777).toBe(0o700);
      expect([contentOf('hostname').trim(), contentOf('coppice/env')]).toEqual(['web-1', '']);
    });
  });

  it.each([
    ['InvalidHostname', { hostname: 'web_0' }],
    ['InvalidHostname', { hostname: '' }],
    ['InvalidEnvironment', { env: { 'A;reboot': 'x' } }],
    ['InvalidEnvironment', { env: { A: 'x\0y' } }],
    ['InvalidEnvironment', { env: { A: 'x'.repeat(1024 * 1024) } }],
  ])('refuses as %s what no guest can take', (reason, configuration) => {
    expect(reasonOf(() => configureGuest(configuration))).toBe(reason);
  });
});
