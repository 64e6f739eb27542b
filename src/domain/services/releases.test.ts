import { spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { shellQuote } from '../../base/shell.ts';
import { planService } from './builders.ts';
import { execOf, inFolder } from './testing/plans.ts';
import type { GuestAction, ServicePlan } from './types.ts';

/** Files by their names, whose characters are bytes. */
type Files = Readonly<Record<string, string>>;

const ODD: readonly string[] = [
  ...[
    'caf\xe9.html',
    'gr\xc3\xbcezi',
    'two\nlines',
    'ends\n',
    '\n',
    '-rf',
    ' ',
    '*',
    '?',
    '[a]',
    '$(reboot)',
    '\\n',
  ],
  ...["it's", '.hidden', '..twice', '...', '"', 'a b/c\nd/\xff'],
];
const filesOf = (names: readonly string[], text: string): Files =>
  Object.fromEntries(names.map((name) => [name, `${text} ${name}`]));

const bytes = (folder: string, name: string) =>
  Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name, 'latin1')]);

function write(folder: string, files: Files): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(bytes(folder, dirname(name)), { recursive: true });
    writeFileSync(bytes(folder, name), text, 'latin1');
  }
}

/** What a server of the folder finds there: all that can be read, but for Coppice's own folder. */
function served(folder: string | Buffer, own = '.coppice-web'): Files {
  const found: Record<string, string> = {};
  for (const name of readdirSync(folder, 'latin1')) {
    const path = Buffer.concat([Buffer.from(folder), Buffer.from('/'), Buffer.from(name, 'latin1')]);
    if (name === own || !existsSync(path)) continue;
    if (!statSync(path).isDirectory()) found[name] = readFileSync(path, 'latin1');
    else for (const [below, text] of Object.entries(served(path))) found[`${name}/${below}`] = text;
  }
  return found;
}

const site = planService({
  ...{ serviceName: 'web', container: { type: 'static-site', port: 80 }, parameters: {} },
  package: {
    kind: 'files',
    files: [
      { name: 'a', sizeBytes: 1 },
      { name: 'b', sizeBytes: 1 },
    ],
  },
});
const program = planService({
  ...{ serviceName: 'web', container: { type: 'command', port: 80 }, parameters: { command: ['./run'] } },
  package: { kind: 'files', files: [{ name: 'run', sizeBytes: 1 }] },
});

/** The guest's folders, all in one of this machine. */
const FOLDERS = /\/srv\/www|\/opt\/coppice|\/run\/coppice/g;

const here = (folder: string) => (word: string) => word.replaceAll(FOLDERS, folder);

/**
 * Runs the script here, and kills it before its `at`th program; returns whether it came so far. The disk of this machine belongs to
 * others, too: where a guest syncs its own, `sync` is done instead.
 */
function run(
  action: GuestAction | undefined,
  folder: string,
  at = Number.MAX_SAFE_INTEGER,
  sync = '',
): boolean {
  const counting = `count=0
b() { count=$((count + 1)); if [ "$count" = ${at} ]; then kill -9 $$; fi; `;
  const script = (word: string) => word.replace('b() { ', () => counting).replaceAll('b sync\n', () => sync);
  const [shell = '', ...args] = execOf(action).argv.map(here(folder)).map(script);
  const { status, signal, stderr } = spawnSync(shell, args, { encoding: 'utf8' });
  if (signal === null && status !== 0) throw new Error(stderr);
  return signal !== null;
}

function transfer(plan: ServicePlan, folder: string, holder: string, files: Files): void {
  run(plan.actions[0], folder);
  write(join(folder, holder, 'new'), files);
}

function install(plan: ServicePlan, folder: string, holder: string, files: Files): void {
  transfer(plan, folder, holder, files);
  run(plan.actions[2], folder);
}

/** Calls `look` after an installation of `after` in place of `before` that was killed, once for each moment. */
function killedEverywhere(
  plan: ServicePlan,
  holder: string,
  {
    before,
    after,
    arrange = () => undefined,
  }: { before: Files; after: Files; arrange?: (folder: string) => void },
  look: (folder: string) => void,
): number {
  for (let at = 1; ; at += 1) {
    const wasKilled = inFolder((folder) => {
      arrange(folder);
      if (Object.keys(before).length > 0) install(plan, folder, holder, before);
      transfer(plan, folder, holder, after);
      const killed = run(plan.actions[2], folder, at);
      look(folder);
      return killed;
    });
    if (!wasKilled) return at;
  }
}

describe('a static site', () => {
  const holder = '.coppice-web';
  const before = { 'index.html': 'old', 'gone\n.html': 'old', 'docs/a': 'old' };
  const after = { 'index.html': 'new', 'fresh.html': 'new', 'docs/b': 'new' };

  it('is replaced as a whole, again and again, whatever its files are called', () =>
    inFolder((folder) => {
      const odd = (text: string) => filesOf(text === 'new' ? ODD : ODD.toReversed(), text);
      const both = [
        { ...before, ...odd('old') },
        { ...after, ...odd('new') },
      ];
      for (const files of [...both, ...both.toReversed()]) {
        install(site, folder, holder, files);
        expect(served(folder)).toEqual(files);
      }
      expect(readdirSync(join(folder, holder)).sort()).toEqual(['2', 'current', 'link']);
    }));

  it('is the old or the new one when it was killed at any moment, and the next try succeeds', () => {
    const next = { 'index.html': 'next' };
    const moments = killedEverywhere(site, holder, { before, after }, (folder) => {
      expect([before, after]).toContainEqual(served(folder));
      install(site, folder, holder, next);
      expect(served(folder)).toEqual(next);
    });
    expect(moments).toBeGreaterThan(5);
  });

  it("takes the place of the template's files at once, killed at any moment; of its folders when it is done", () => {
    const template = { 'index.html': 'template', 'docs/own': 'template', 'kept/own': 'template' };
    const arrange = (folder: string) => write(folder, template);
    const whole = { ...after, 'kept/own': 'template' };
    const { 'docs/own': _, ...withoutFolder } = template;
    killedEverywhere(site, holder, { before: {}, after, arrange }, (folder) => {
      expect([template, withoutFolder, whole]).toContainEqual(served(folder));
      install(site, folder, holder, after);
      expect(served(folder)).toEqual(whole);
    });
  });

  it('removes nothing that it did not put there, and puts back what was replaced by hand', () =>
    inFolder((folder) => {
      install(site, folder, holder, before);
      rmSync(join(folder, 'index.html'));
      write(folder, { 'index.html': 'by hand', 'note.txt': 'by hand' });
      symlinkSync('/etc/hostname', join(folder, 'link'));
      install(site, folder, holder, after);
      expect(served(folder)).toMatchObject({ ...after, 'note.txt': 'by hand' });
      expect(readlinkSync(join(folder, 'link'))).toBe('/etc/hostname');
    }));

  it('keeps links of the package, those that lead nowhere too', () =>
    inFolder((folder) => {
      for (const text of ['old', 'new']) {
        transfer(site, folder, holder, { page: text });
        symlinkSync('page', join(folder, holder, 'new/alias'));
        symlinkSync('nowhere', join(folder, holder, 'new/dangling'));
        run(site.actions[2], folder);
        expect(served(folder)).toEqual({ page: text, alias: text });
        expect(lstatSync(join(folder, 'dangling')).isSymbolicLink()).toBe(true);
      }
      install(site, folder, holder, { page: 'last' });
      expect(readdirSync(folder).sort()).toEqual([holder, 'page']);
    }));
});

describe.each([
  ['a static site', site, '.coppice-web'],
  ['a program', program, 'web.releases'],
] as const)('an installation of %s that was given up, but still runs', (_, plan, holder) => {
  it('puts nothing in use once the next one has begun', () =>
    inFolder((folder) => {
      install(plan, folder, holder, { run: 'old' });
      transfer(plan, folder, holder, { run: 'given up' });
      const next = execOf(plan.actions[0]).argv.map(here(folder)).map(shellQuote).join(' ');
      expect(() => run(plan.actions[2], folder, undefined, `${next}\n`)).toThrow(
        'another installation has begun',
      );
      expect(readFileSync(join(folder, holder, 'current/run'), 'utf8')).toBe('old');
    }));
});

describe("a program's package", () => {
  const holder = 'web.releases';
  const before = { run: 'old', 'lib/old': 'old' };
  const after = { run: 'new', 'lib/new': 'new' };
  const inPlace = (folder: string) =>
    existsSync(join(folder, 'web')) ? served(join(folder, 'web')) : undefined;

  it('is replaced as a whole, killed at any moment, and the next try succeeds', () => {
    const moments = killedEverywhere(program, holder, { before, after }, (folder) => {
      expect([before, after]).toContainEqual(inPlace(folder));
      install(program, folder, holder, { run: 'next' });
      expect(inPlace(folder)).toEqual({ run: 'next' });
    });
    expect(moments).toBeGreaterThan(5);
  });

  it('takes the place of a folder of the template', () => {
    const arrange = (folder: string) => write(join(folder, 'web'), before);
    killedEverywhere(program, holder, { before: {}, after, arrange }, (folder) => {
      expect([before, after, undefined]).toContainEqual(inPlace(folder));
      install(program, folder, holder, after);
      expect(inPlace(folder)).toEqual(after);
    });
  });

  it('that has no such program changes nothing, and says so', () =>
    inFolder((folder) => {
      install(program, folder, holder, before);
      transfer(program, folder, holder, { 'bin/run': 'elsewhere' });
      expect(() => run(program.actions[2], folder)).toThrow(
        'the package has no file ./run, which the command names',
      );
      expect(inPlace(folder)).toEqual(before);
    }));
});
