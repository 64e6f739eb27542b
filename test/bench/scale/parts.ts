import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { NODE_FLAGS } from '../../../src/main/node-flags.ts';

/** Calls that a part answers: each takes one value and resolves with another. */
type Calls<C> = { readonly [Name in keyof C]: (argument: never) => Promise<unknown> };

/** A part of the system in a process of its own, so that its CPU and memory can be measured separately. */
export interface Part<C> {
  readonly pid: number;
  call<Name extends keyof C & string>(
    name: Name,
    ...argument: C[Name] extends (...args: infer Arguments) => unknown ? Arguments : never
  ): Promise<C[Name] extends (...args: never[]) => Promise<infer Answer> ? Answer : never>;
  stop(): Promise<void>;
}

type Question = { readonly id: number; readonly name: string; readonly argument: unknown };
type Answer = { readonly id: number; readonly value?: unknown; readonly error?: string };

/** USER_HZ, in which /proc counts CPU time: 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Where to write CPU profiles of every part, for whoever looks for what is slow. */
const PROFILES = process.env.COPPICE_BENCH_PROFILES;

/** Starts the module in a process of its own. It ends when asked to, or with this process. */
export function startPart<C extends Calls<C>>(module: URL): Part<C> {
  const profile = PROFILES === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${PROFILES}`];
  const child = fork(module, { execArgv: [NODE_FLAGS, '--expose-gc', ...profile] });
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  child.on('message', ({ id, value, error }: Answer) => {
    if (error === undefined) waiting.get(id)?.resolve(value);
    else waiting.get(id)?.reject(new Error(error));
    waiting.delete(id);
  });
  child.on('exit', (code) => {
    const ended = new Error(`${module.pathname} ended with code ${code}`);
    for (const { reject } of waiting.values()) reject(ended);
  });
  let id = 0;
  return {
    pid: child.pid ?? 0,
    call: (name, ...[argument]) => {
      const settled = Promise.withResolvers<unknown>();
      id += 1;
      waiting.set(id, settled);
      child.send({ id, name, argument } satisfies Question);
      return settled.promise as never;
    },
    stop: () => stop(child),
  };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const exited = once(child, 'exit');
  child.disconnect();
  await exited;
}

/** In a part's own process: answers its parent's calls until that lets go, then closes and ends. */
export function answerParent<C extends Calls<C>>(calls: C, close: () => Promise<void>): void {
  process.on('message', ({ id, name, argument }: Question) => {
    calls[name as keyof C](argument as never).then(
      (value) => process.send?.({ id, value } satisfies Answer),
      (error: unknown) => process.send?.({ id, error: String(error) } satisfies Answer),
    );
  });
  process.once('disconnect', () => {
    void close().finally(() => process.exit());
  });
}

/** CPU seconds that a process has used. */
export async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Processes that this one started, by the name by which each was called. */
export async function childrenNamed(names: readonly string[]): Promise<Readonly<Record<string, number>>> {
  const found: Record<string, number> = {};
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    const parent = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1];
    if (parent !== String(process.pid)) continue;
    const [program = ''] = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
    const name = names.find((one) => program.endsWith(`/${one}`));
    if (name !== undefined) found[name] = Number(pid);
  }
  return found;
}
