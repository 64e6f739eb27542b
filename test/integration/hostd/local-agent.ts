import { spawn } from 'node:child_process';
import { type FileHandle, mkdir, mkdtemp, open, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { systemClock } from '../../../src/base/clock.ts';
import { isRecord } from '../../../src/base/json.ts';
import { AgentClient } from '../../../src/hostd/guest/agent.ts';
import type { Session } from '../../../src/hostd/guest/session.ts';
import { answer, type Command, FakeAgent, refuse } from '../../../src/hostd/guest/testing/fake-agent.ts';

type Ended = { readonly code: number | null; readonly signal: NodeJS.Signals | null };
type Running = { readonly out: Buffer[]; readonly err: Buffer[]; ended?: Ended };

/** An agent that obeys on this machine: what it runs are real shells and programs. Folders of streams are below `root`. */
export class LocalAgent {
  readonly root: string;
  readonly session: Session;
  /** Whether its disk has no room for input. */
  full = false;
  /** How many commands it has obeyed. */
  commands = 0;
  #environment: NodeJS.ProcessEnv;
  readonly #shell: string;
  readonly #files = new Map<number, FileHandle>();
  /** Of files in which somebody went to a place. */
  readonly #positions = new Map<number, number>();
  readonly #programs = new Map<number, Running>();
  #handles = 1000;

  private constructor(root: string, shell: string, environment: NodeJS.ProcessEnv) {
    this.root = root;
    this.#shell = shell;
    this.#environment = environment;
    const agent = new FakeAgent({
      onCommand: (command, stream) => {
        this.commands += 1;
        this.#obey(command, stream).catch((error: unknown) => refuse(stream, refusalOf(error)));
      },
    });
    this.session = { clock: systemClock, agent: new AgentClient(systemClock, agent.connect) };
  }

  /** With `dash` and the tools of this machine, or with nothing but busybox. */
  static async create(kind: 'dash' | 'busybox'): Promise<LocalAgent> {
    const root = await mkdtemp(join(tmpdir(), 'coppice-guest-'));
    if (kind === 'dash') return new LocalAgent(root, 'dash', process.env);
    const tools = join(root, 'bin');
    await mkdir(tools);
    await symlink('/bin/busybox', join(tools, 'sh'));
    return new LocalAgent(root, join(tools, 'sh'), { ...process.env, PATH: tools });
  }

  /** Puts a script in the place of a program. */
  async replace(name: string, script: string): Promise<void> {
    const tools = join(this.root, 'bin');
    await mkdir(tools, { recursive: true });
    await writeFile(join(tools, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    this.#environment = { ...this.#environment, PATH: `${tools}:${this.#environment.PATH}` };
  }

  /** The folders of programs with streams that there are now. */
  async folders(): Promise<readonly string[]> {
    return (await readdir(this.root)).filter((name) => name.startsWith('exec-'));
  }

  /** Ends the connection for good, as if the daemon were killed. */
  disappear(): void {
    this.session.agent.end();
  }

  async close(): Promise<void> {
    this.disappear();
    for (const file of this.#files.values()) await file.close();
    await rm(this.root, { recursive: true, force: true });
  }

  async #obey({ execute, arguments: args = {} }: Command, stream: Duplex): Promise<void> {
    const handle = Number(args.handle);
    const file = this.#files.get(handle);
    switch (execute) {
      case 'guest-exec':
        return answer(stream, { pid: await this.#start(String(args.path), args.arg as readonly string[]) });
      case 'guest-exec-status':
        return answer(stream, this.#statusOf(Number(args.pid)));
      case 'guest-file-open':
        this.#handles += 1;
        this.#files.set(this.#handles, await open(String(args.path), String(args.mode)));
        return answer(stream, this.#handles);
      case 'guest-file-close':
        await file?.close();
        this.#files.delete(handle);
        return answer(stream, {});
      case 'guest-file-seek':
        this.#positions.set(handle, Number(args.offset));
        return answer(stream, { position: args.offset, eof: false });
      case 'guest-file-read': {
        const length = Number(args.count);
        const position = this.#positions.get(handle) ?? null;
        const { buffer, bytesRead = 0 } = (await file?.read(Buffer.alloc(length), 0, length, position)) ?? {};
        if (position !== null) this.#positions.set(handle, position + bytesRead);
        const data = buffer?.toString('base64', 0, bytesRead);
        return answer(stream, {
          count: bytesRead,
          eof: bytesRead === 0,
          ...(data ? { 'buf-b64': data } : {}),
        });
      }
      case 'guest-file-write': {
        if (this.full) return refuse(stream, 'failed to write to file: No space left on device');
        const { bytesWritten } = (await file?.write(Buffer.from(String(args['buf-b64']), 'base64'))) ?? {};
        return answer(stream, { count: bytesWritten, eof: false });
      }
      default:
        refuse(stream, `${execute} is not known here`);
    }
  }

  async #start(path: string, arg: readonly string[]): Promise<number> {
    const words = arg.map((word) => word.replaceAll('/run/coppice', this.root));
    const child = spawn(path === '/bin/sh' ? this.#shell : path, words, {
      argv0: path,
      env: this.#environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const running: Running = { out: [], err: [] };
    child.stdout.on('data', (data: Buffer) => running.out.push(data));
    child.stderr.on('data', (data: Buffer) => running.err.push(data));
    child.once('close', (code, signal) => {
      running.ended = { code, signal };
    });
    await new Promise((resolve, reject) =>
      child.once('spawn', () => resolve(undefined)).once('error', reject),
    );
    const { pid = 0 } = child;
    this.#programs.set(pid, running);
    return pid;
  }

  #statusOf(pid: number): unknown {
    const running = this.#programs.get(pid);
    if (running === undefined) throw new Error(`PID ${pid} does not exist`);
    if (running.ended === undefined) return { exited: false };
    this.#programs.delete(pid);
    const { code, signal } = running.ended;
    return {
      exited: true,
      ...(signal === null ? { exitcode: code } : { signal: constants.signals[signal] }),
      'out-data': Buffer.concat(running.out).toString('base64'),
      'err-data': Buffer.concat(running.err).toString('base64'),
    };
  }
}

/** As the agent says it: "No such file or directory", not "ENOENT". */
function refusalOf(error: unknown): string {
  return isRecord(error) && error.code === 'ENOENT' ? 'No such file or directory' : String(error);
}
