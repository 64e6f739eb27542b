import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { coppiceProgram } from '../programs.ts';
import { describeUnless } from '../skip.ts';
import { Coppice } from './coppice.ts';
import { noQemu } from './qemu/scene.ts';
import { apply, aTask, untilServed } from './tasks.ts';

const CLI = await coppiceProgram();
const NAME = 'hello-web-0';

interface Result {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

const digest = (data: Buffer) => createHash('sha256').update(data).digest('hex');

describeUnless(noQemu, 'into a guest', () => {
  let coppice: Coppice;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coppice-into-'));
    coppice = await Coppice.up();
    await apply(coppice, aTask('hello'));
    await untilServed(coppice, 'hello', 1, 'grown\n');
  });
  afterAll(async () => {
    await coppice?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const start = (args: readonly string[]) =>
    spawn(process.execPath, [CLI, ...args], {
      env: { ...process.env, COPPICE_DATA_DIR: coppice.dataDir, KUBECONFIG: coppice.layout.kubeconfig },
    });
  const run = async (args: readonly string[], input: Buffer | string = ''): Promise<Result> => {
    const child = start(args);
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    const code = new Promise<number | null>((done) => child.once('close', done));
    const [stdout, stderr] = await Promise.all([buffer(child.stdout), buffer(child.stderr)]);
    return { code: await code, stdout, stderr: stderr.toString() };
  };
  const inGuest = async (script: string) => {
    const { code, stdout, stderr } = await run(['exec', NAME, '--', 'sh', '-c', script]);
    if (code !== 0) throw new Error(`${script} ended with ${code}: ${stderr}`);
    return stdout.toString();
  };

  it('exec: outputs apart, the exit code, the words as they are', async () => {
    const { code, stdout, stderr } = await run([
      'exec',
      NAME,
      '--',
      'sh',
      '-c',
      'echo out; echo err >&2; exit 7',
    ]);
    expect([code, stdout.toString(), stderr]).toEqual([7, 'out\n', 'err\n']);
    const words = ['two words', '$HOME', "it's", '*', 'a\nb', ''];
    const printed = await run(['exec', 'sd/hello', '--', 'printf', '<%s>', ...words]);
    expect(printed.stdout.toString()).toBe(words.map((word) => `<${word}>`).join(''));
    const missing = await run(['exec', NAME, '--', 'no-such-program']);
    expect(missing.code).toBe(127);
  });

  it('exec -i: bytes of any kind, in and out', async () => {
    const data = randomBytes(2 * 1024 * 1024 + 17);
    const { code, stdout } = await run(['exec', '-i', NAME, '--', 'cat'], data);
    expect([code, digest(stdout)]).toEqual([0, digest(data)]);
    const none = await run(['exec', NAME, '--', 'cat'], 'not passed on');
    expect([none.code, none.stdout.toString()]).toEqual([0, '']);
  });

  it('exec --timeout, and a client that goes away, end the program', async () => {
    const late = await run(['exec', '--timeout', '2', NAME, '--', 'sleep', '4321']);
    expect([late.code, late.stderr]).toEqual([1, expect.stringMatching(/error: .*2 s/)]);
    const gone = start(['exec', NAME, '--', 'sh', '-c', 'echo up; exec sleep 4322']);
    await new Promise((done) => gone.stdout.once('data', done));
    gone.kill('SIGKILL');
    await coppice.eventually('both are ended', async () => {
      expect(await inGuest('ps | grep -c "[s]leep 432" || true')).toBe('0\n');
    });
  });

  it('cp: a file and a folder, there and back', async () => {
    const tool = join(folder, 'tool');
    await writeFile(tool, randomBytes(300_000));
    await chmod(tool, 0o750);
    expect((await run(['cp', tool, `${NAME}:/tmp`])).code).toBe(0);
    expect(await inGuest('stat -c %a /tmp/tool')).toBe('750\n');
    expect((await run(['cp', `${NAME}:/tmp/tool`, join(folder, 'back')])).code).toBe(0);
    expect(digest(await readFile(join(folder, 'back')))).toBe(digest(await readFile(tool)));
    expect((await stat(join(folder, 'back'))).mode & 0o777).toBe(0o750);

    await mkdir(join(folder, 'site/deep/er'), { recursive: true });
    await writeFile(join(folder, 'site/deep/er/a b'), 'text');
    await symlink('deep', join(folder, 'site/link'));
    expect((await run(['cp', join(folder, 'site'), `${NAME}:/tmp/copied`])).code).toBe(0);
    expect(await inGuest('cat "/tmp/copied/link/er/a b"')).toBe('text');
    expect((await run(['cp', `${NAME}:/tmp/copied`, folder])).code).toBe(0);
    expect(await readFile(join(folder, 'copied/link/er/a b'), 'utf8')).toBe('text');
  });

  it('cp: says what is wrong, and leaves nothing half', async () => {
    const says = async (words: readonly string[]) => {
      const { code, stderr } = await run(['cp', ...words]);
      expect(code).toBe(1);
      return stderr;
    };
    expect(await says([`${NAME}:/none`, folder])).toMatch(/hello-web-0:\/none: .*No such file/);
    expect(await says([join(folder, 'none'), `${NAME}:/tmp`])).toMatch(
      /none.* (does not exist|no such file)/i,
    );
    expect(await says([join(folder, 'tool'), `${NAME}:/none/here`])).toMatch(/nonexistent|No such file/i);
    expect(await says(['a', 'b'])).toContain('exactly one of the two must be in a guest');
    // A file system with room for less than the file.
    await inGuest('mkdir -p /tmp/small && mount -t tmpfs -o size=100k none /tmp/small');
    expect(await says([join(folder, 'tool'), `${NAME}:/tmp/small`])).toMatch(/No space left/);
    expect(await inGuest('ls -A /tmp/small')).toBe('');
  });

  it('console: keys and output; Ctrl-] leaves; one at a time', async () => {
    const child = start(['console', NAME]);
    let seen = '';
    for (const output of [child.stdout, child.stderr]) output.on('data', (bytes: Buffer) => (seen += bytes));
    await coppice.eventually('it is connected', async () => expect(seen).toContain('Ctrl-] disconnects'));
    await coppice.eventually('the guest answers', async () => {
      child.stdin.write('\recho is-$((40+2))\r');
      expect(seen).toContain('is-42');
    });
    const second = await run(['console', NAME]);
    expect([second.code, second.stderr]).toEqual([1, expect.stringContaining('host-')]);
    child.stdin.write('\u001d');
    expect(await new Promise((done) => child.once('close', done))).toBe(0);
  });

  it('logs -f: what was, and what comes', async () => {
    const child = start(['logs', '-f', NAME]);
    let seen = '';
    child.stdout.on('data', (bytes: Buffer) => (seen += bytes));
    await coppice.eventually('the log is there', async () => expect(seen).toContain('coppice-guest ready'));
    await inGuest('echo one-more-line >/dev/console');
    await coppice.eventually('it goes on', async () => expect(seen).toContain('one-more-line'));
    child.kill('SIGINT');
    await new Promise((done) => child.once('close', done));
  });

  it('an operator that is killed ends its streams, and the next one serves', async () => {
    const child = start(['exec', NAME, '--', 'sh', '-c', 'echo up; exec sleep 4323']);
    const code = new Promise<number | null>((done) => child.once('close', done));
    const said = buffer(child.stderr);
    await new Promise((done) => child.stdout.once('data', done));
    await coppice.kill('operator');
    expect([await code, (await said).toString()]).toEqual([1, expect.stringContaining('error: ')]);
    await coppice.eventually('the next one serves, and the program is ended', async () => {
      expect(await inGuest('ps | grep -c "[s]leep 4323" || true')).toBe('0\n');
    });
  });
});
