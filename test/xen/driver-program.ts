/**
 * Runs in dom0. Performs the steps in the first argument, in order, with the Xen driver, on the VM in the second argument. Prints the
 * results as JSON.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { systemClock } from '../../src/base/clock.ts';
import { allProcesses } from '../../src/hostd/drivers/common/processes.ts';
import type { VmSpec } from '../../src/hostd/drivers/vm.ts';
import { removeDomainRecord } from '../../src/hostd/drivers/xen/domain/domain-record.ts';
import { createXenDriver } from '../../src/hostd/drivers/xen/driver.ts';
import { commandsAt } from '../../src/hostd/drivers/xen/xl/commands.ts';
import { toHostError } from '../../src/hostd/errors/index.ts';
import { TestStreams } from '../../src/hostd/guest/testing/program-streams.ts';

const run = promisify(execFile);
const limitMs = 300_000;
/** Firmware that reads a kernel takes minutes on a busy machine; a second try of the whole test takes longer. */
const bootLimitMs = 600_000;
const nbdPort = '10809';
const dataDiskBytes = 8 * 1024 * 1024;

export type DriverStep =
  | 'overlay'
  | 'overlayOnNbd'
  | 'makeDataDisk'
  | 'dataDiskBytes'
  | 'endNbd'
  | 'start'
  | 'startAndKillXl'
  | 'inspect'
  | 'ping'
  | 'writeDisk'
  | 'reboot'
  | 'untilEnded'
  | 'untilTold'
  | 'console'
  | 'exec'
  | 'tail'
  | 'shutdown'
  | 'loseRecord'
  | 'save'
  | 'saveToFullDisk'
  | 'saveAndDie'
  | 'saveAndKillXl'
  | 'savedFiles'
  | 'restore'
  | 'remember'
  | 'recall'
  | 'counts'
  | 'destroy'
  | 'domains'
  | 'files';

/** A domain's state in `xl list -v`. */
const SUSPENDED = / [-rbp]{3}ss[-d] /;

const [steps = '', spec = '', base = ''] = process.argv.slice(2);
const vm = JSON.parse(spec) as VmSpec;
const { uuid, directory } = vm;
const checkpoint = join(directory, 'checkpoint');
const driver = createXenDriver({
  clock: systemClock,
  log: pino({ level: 'warn' }, pino.destination({ dest: '/share/driver.log', append: true, sync: true })),
  searchPath: process.env.PATH ?? '',
  bridge: 'br0',
});

async function inGuest(script: string, timeoutMs = limitMs) {
  const guest = driver.guest(uuid, directory);
  try {
    return await guest.exec(['/bin/sh', '-c', script], { timeoutMs });
  } finally {
    guest.close();
  }
}

function checkpoints() {
  if (driver.checkpoints === undefined) throw new Error('the driver has no checkpoints');
  return driver.checkpoints;
}

async function domains(): Promise<readonly string[]> {
  const { stdout } = await run('xl', ['list', '-v']);
  return stdout.split('\n').filter((line) => line.includes(uuid));
}

/** Simulates a daemon that is killed together with its xl, in the middle of a creation. */
async function startAndKillXl(): Promise<unknown> {
  const killed = new AbortController();
  const start = driver.start(vm, killed.signal).catch(() => 'ended');
  while ((await domains()).length === 0) await delay(20);
  killed.abort();
  for (const { pid } of await commandsAt(directory)) process.kill(pid, 'SIGKILL');
  await start;
  return domains();
}

/** The disk is full when the guest is already suspended; the guest must resume. */
async function saveToFullDisk(): Promise<unknown> {
  const small = '/mnt/small';
  await mkdir(small, { recursive: true });
  await run('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'small', small]);
  return checkpoints()
    .save(vm, join(small, 'checkpoint'))
    .finally(() => run('umount', ['-l', small]));
}

/** Simulates a daemon that is killed in the middle of a save; its xl continues. */
async function saveAndDie(): Promise<never> {
  checkpoints()
    .save(vm, checkpoint)
    .catch(() => undefined);
  while (!existsSync(`${checkpoint}.partial`)) await delay(20);
  process.stdout.write(JSON.stringify([...results, 'died']));
  process.exit();
}

/** Kills xl in the middle of a save, when the guest is suspended: nothing is left that would resume the guest. */
async function saveAndKillXl(): Promise<unknown> {
  const save = checkpoints()
    .save(vm, checkpoint)
    .catch((error: unknown) => toHostError(error).reason);
  while (!(await domains()).some((line) => SUSPENDED.test(line))) await delay(20);
  for (const { pid } of await commandsAt(directory)) process.kill(pid, 'SIGKILL');
  return save;
}

async function endNbd(): Promise<void> {
  for (const { pid, arguments: words } of await allProcesses()) {
    if (words[0] === 'nbdkit') process.kill(pid);
  }
}

/** Until `endNbd`. */
async function overlayOnNbd(): Promise<unknown> {
  await endNbd(); // of a try that failed
  await run('nbdkit', ['-r', '-i', '127.0.0.1', '-p', nbdPort, 'file', base]);
  const url = `nbd://127.0.0.1:${nbdPort}/`;
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', url, vm.disk.path]);
  return (await driver.images.inspect(vm.disk.path, 'qcow2')).references;
}

async function useConsole(): Promise<string> {
  const console = await driver.openConsole(directory);
  const second = await driver.openConsole(directory).catch((error: unknown) => toHostError(error).reason);
  let seen = '';
  console.on('data', (data: Buffer) => {
    seen += data.toString();
  });
  const until = Date.now() + limitMs;
  console.write('\n');
  while (!seen.includes('typed-here') && Date.now() < until) {
    console.write('echo typed-$((1))-here | sed s/-1-/-/\n');
    await delay(2000);
  }
  console.destroy();
  return `${seen.includes('typed-here') ? 'typed-here' : seen} ${second}`;
}

/** All values of a byte, which the agent's console must pass as they are, through a program and back. */
async function exec(): Promise<string> {
  const guest = driver.guest(uuid, directory);
  try {
    const streams = new TestStreams();
    const content = Buffer.from(Array.from({ length: 20_000 }, (_, at) => at % 256));
    streams.type(content);
    streams.end();
    const program = await guest.prepare({ terminal: false, timeoutMs: limitMs });
    const code = await program.run(['cat'], streams.withInput, AbortSignal.timeout(limitMs));
    return `${code} ${Buffer.concat(streams.stdout).equals(content) ? 'unchanged' : 'changed'}`;
  } finally {
    guest.close();
  }
}

async function untilEnded(): Promise<unknown> {
  const until = Date.now() + limitMs;
  for (;;) {
    const found = await driver.inspect(uuid, directory);
    if (found?.state !== 'Running' || Date.now() > until) return found;
    await delay(500);
  }
}

/** What a guest's boot code writes to its serial port, which nobody logs. */
async function untilTold(): Promise<string> {
  const { stdout: id } = await run('xl', ['domid', vm.domain]);
  const { stdout: tty } = await run('xenstore-read', [`/local/domain/${id.trim()}/serial/0/tty`]);
  const pattern = 'started from[ A-Za-z]*';
  const grep = ['grep', '-m', '1', '-ao', pattern, tty.trim()];
  return (await run('timeout', [`${limitMs / 1000}`, ...grep])).stdout.trim();
}

async function files(): Promise<readonly string[]> {
  const { stdout } = await run('find', [
    '/run/coppice',
    '/var/log/xen',
    '-name',
    `*${uuid}*`,
    '-o',
    '-name',
    `*${vm.domain}*`,
  ]);
  return stdout.split('\n').filter((line) => line !== '');
}

const work: Readonly<Record<DriverStep, () => Promise<unknown>>> = {
  overlay: async () => {
    await mkdir(directory, { recursive: true });
    await driver.images.createOverlay(base, vm.disk.path);
  },
  overlayOnNbd: async () => {
    await mkdir(directory, { recursive: true });
    return overlayOnNbd();
  },
  makeDataDisk: () => driver.images.createEmpty(vm.dataDisk?.path ?? '', dataDiskBytes),
  dataDiskBytes: async () => Number((await inGuest('cat /sys/block/xvdb/size')).stdout) * 512,
  endNbd,
  start: () => driver.start(vm),
  startAndKillXl,
  inspect: () => driver.inspect(uuid, directory),
  ping: async () => {
    const guest = driver.guest(uuid, directory);
    await guest.ping(bootLimitMs).finally(() => guest.close());
    return 'answered';
  },
  writeDisk: async () => (await inGuest('echo kept > /root/kept && sync && cat /root/kept')).stdout,
  reboot: async () => {
    // The guest cannot answer while it reboots.
    await inGuest('reboot', 10_000).catch(() => undefined);
  },
  untilEnded,
  untilTold,
  console: useConsole,
  exec,
  tail: () => driver.consoleTail(directory, 100_000),
  shutdown: () => driver.shutdown(uuid, directory, limitMs),
  loseRecord: () => removeDomainRecord(directory),
  save: () => checkpoints().save(vm, checkpoint),
  saveToFullDisk,
  saveAndDie,
  saveAndKillXl,
  savedFiles: async () => (await readdir(directory)).filter((name) => name.startsWith('checkpoint')),
  // Stored in the guest's memory only.
  remember: async () => (await inGuest('echo remembered > /run/kept && cat /run/kept')).stdout,
  recall: async () => (await inGuest('cat /run/kept')).stdout,
  counts: async () => driver.counts?.(),
  restore: () =>
    checkpoints()
      .restore(vm, checkpoint)
      .finally(() => rm(checkpoint, { force: true })),
  destroy: async () => {
    await driver.destroy(uuid, directory);
    await rm(join(directory, 'disk.qcow2'), { force: true });
  },
  domains,
  files,
};

const results: unknown[] = [];
for (const step of JSON.parse(steps) as readonly DriverStep[]) {
  results.push(
    (await work[step]().catch((error: unknown) => {
      const { reason, message } = toHostError(error);
      return { reason, message };
    })) ?? null,
  );
}
process.stdout.write(JSON.stringify(results));
process.exit();
