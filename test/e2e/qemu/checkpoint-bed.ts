import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readdir, readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { Checkpoints } from '../../../src/hostd/drivers/checkpoints.ts';
import type { Driver } from '../../../src/hostd/drivers/driver.ts';
import type { VmSpec } from '../../../src/hostd/drivers/vm.ts';
import type { Scene } from './scene.ts';

export const questionMs = 60_000;

/** The members that QEMU's driver has. */
export function checkpointsOf({ checkpoints }: Driver): Required<Checkpoints> {
  if (checkpoints?.fork === undefined || checkpoints.files === undefined)
    throw new Error('the driver has no checkpoints');
  return checkpoints as Required<Checkpoints>;
}

/** A server of this machine, and how many connections it was asked for. */
export class Calls {
  count = 0;
  readonly #server = createServer((socket) => {
    this.count += 1;
    socket.on('error', () => socket.destroy()).end();
  });

  static async listen(): Promise<Calls> {
    const calls = new Calls();
    calls.#server.listen(0, '127.0.0.1');
    await once(calls.#server, 'listening');
    return calls;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.close();
  }
}

export async function filesNamed(folder: string, beginning: string): Promise<readonly string[]> {
  return (await readdir(folder)).filter((name) => name.startsWith(beginning)).sort();
}

/** What the line prints in the guest. */
export async function shellIn(driver: Driver, vm: VmSpec, line: string): Promise<string> {
  const guest = driver.guest(vm.uuid, vm.directory);
  try {
    const { stdout } = await guest.exec(['/bin/sh', '-c', line], { timeoutMs: questionMs });
    return stdout.trim();
  } finally {
    guest.close();
  }
}

/** A process to be killed: checkpoint-child.ts. */
export function childThat(
  task: 'save' | 'restore',
  root: string,
  vm: VmSpec,
  checkpoint: string,
): ChildProcess {
  const program = fileURLToPath(new URL('./checkpoint-child.ts', import.meta.url));
  const argv = [program, root, task, JSON.stringify(vm), checkpoint];
  return spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Resolves when the program has printed the line. */
export async function said({ stdout }: ChildProcess, line: string): Promise<void> {
  if (stdout === null) throw new Error('the program has no output');
  for await (const text of stdout.iterator({ destroyOnReturn: false })) {
    if (String(text).includes(`${line}\n`)) return;
  }
  throw new Error(`the program ended without "${line}"`);
}

export async function killed(program: ChildProcess): Promise<void> {
  const ended = once(program, 'exit');
  program.kill('SIGKILL');
  await ended;
}

export async function changeRecord(folder: string, change: (text: string) => string): Promise<void> {
  const path = join(folder, 'checkpoint.json');
  await writeFile(path, change(await readFile(path, 'utf8')));
}

/** In the middle of the file. */
export async function flipByte(path: string): Promise<void> {
  const file = await open(path, 'r+');
  const at = Math.floor((await file.stat()).size / 2);
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at);
  await file.write(Buffer.of((buffer[0] ?? 0) ^ 1), 0, 1, at);
  await file.close();
}

/** In kibibytes, by the names of /proc. */
export async function memoryOf(driver: Driver, vm: VmSpec): Promise<Readonly<Record<string, number>>> {
  const pid = (await driver.inspect(vm.uuid, vm.directory))?.pid;
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Object.fromEntries(
    [...text.matchAll(/^(\w+): +(\d+) kB$/gm)].map(([, name, size]) => [name, Number(size)]),
  );
}

/** A QEMU that gives guests another processor, or another device, than it is called with. */
export async function otherQemu(folder: string, instead: string, word: string): Promise<string> {
  const path = join(folder, 'qemu-system-x86_64');
  const script = `#!/bin/bash
for word; do
  [ "$word" = '${instead}' ] && word='${word}'
  words+=("$word")
done
exec -a "$0" "$(PATH=\${PATH#${folder}:} command -v qemu-system-x86_64)" "\${words[@]}"
`;
  await writeFile(path, script, { mode: 0o755 });
  return path;
}

/** Its console, copies of its disk, power-off, and a cold start. */
export async function behavesAsAnyOther({ driver, root }: Scene, vm: VmSpec, layer: string): Promise<void> {
  const guest = driver.guest(vm.uuid, vm.directory);
  const timeoutMs = questionMs;
  await guest.exec(['/bin/sh', '-c', 'echo on the console >/dev/console'], { timeoutMs });
  await expect.poll(() => driver.consoleTail(vm.directory, 1000)).toContain('on the console');
  const target = join(root, 'captured.qcow2');
  const disk = { which: 'disk', path: vm.disk.path, layer, target } as const;
  const options = { onProgress: () => undefined, signal: new AbortController().signal };
  expect(await driver.captures?.capture(vm, [disk], options)).toEqual({});
  expect(await driver.images.damageOf(target, 'qcow2')).toBeUndefined();
  expect(await driver.shutdown(vm.uuid, vm.directory, 120_000)).toBe(true);
  await driver.start(vm);
  expect((await driver.inspect(vm.uuid, vm.directory))?.isTwin).toBeUndefined();
  await driver.destroy(vm.uuid, vm.directory);
  guest.close();
}
