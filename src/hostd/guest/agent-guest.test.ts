import type { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../base/clock.ts';
import { AgentClient } from './agent.ts';
import { createAgentGuest } from './agent-guest.ts';
import { answer, type Command, FakeAgent, refuse } from './testing/fake-agent.ts';

const patience = { timeoutMs: 20_000 };

type Program = { readonly exitCode?: number; readonly polls?: number; readonly stderr?: string };

/** An agent whose programs end as given, and whose disk has room for `freeBytes`. */
class FakeGuest {
  readonly agent: FakeAgent;
  readonly programs: (readonly unknown[])[] = [];
  written = Buffer.alloc(0);
  readonly #freeBytes: number;
  readonly #program: Program;
  #polls = 0;
  #folderExists: boolean;

  constructor({ freeBytes = 1e9, program = {}, folderExists = true } = {}) {
    this.#freeBytes = freeBytes;
    this.#program = program;
    this.#folderExists = folderExists;
    this.agent = new FakeAgent({ onCommand: (command, stream) => this.#obey(command, stream) });
  }

  guest() {
    const client = new AgentClient(systemClock, this.agent.connect);
    return createAgentGuest({ clock: systemClock, agent: client }, () => client.close());
  }

  #obey({ execute, arguments: args = {} }: Command, stream: Duplex): void {
    switch (execute) {
      case 'guest-exec':
        this.programs.push([args.path, ...(args.arg as readonly string[])]);
        this.#folderExists ||= String(args.arg).includes('mkdir');
        answer(stream, { pid: this.programs.length });
        break;
      case 'guest-exec-status':
        answer(stream, this.#status());
        break;
      case 'guest-file-open':
        if (this.#folderExists) answer(stream, 1000);
        else refuse(stream, "failed to open file '/a/b' (mode: 'w'): No such file or directory");
        break;
      case 'guest-file-write':
        this.#write(Buffer.from(String(args['buf-b64']), 'base64'), stream);
        break;
      default:
        answer(stream, {});
    }
  }

  #status() {
    const { exitCode = 0, polls = 1, stderr = '' } = this.#program;
    this.#polls += 1;
    return this.#polls % polls === 0
      ? { exited: true, exitcode: exitCode, 'err-data': Buffer.from(stderr).toString('base64') }
      : { exited: false };
  }

  #write(data: Buffer, stream: Duplex): void {
    if (this.written.length + data.length > this.#freeBytes) {
      refuse(stream, 'failed to write to file: No space left on device');
      return;
    }
    // Half of it, as the real one may.
    const taken = data.subarray(0, Math.ceil(data.length / 2));
    this.written = Buffer.concat([this.written, taken]);
    answer(stream, { count: taken.length, eof: false });
  }
}

async function* content(...pieces: readonly string[]) {
  for (const piece of pieces) yield Buffer.from(piece);
}

describe('a guest behind an agent', () => {
  it('asks until the program has ended', async () => {
    const fake = new FakeGuest({ program: { polls: 4, exitCode: 3, stderr: 'oh' } });
    expect(await fake.guest().exec(['/bin/x', 'a b'], patience)).toEqual({
      exitCode: 3,
      stdout: '',
      stderr: 'oh',
    });
    expect(fake.programs).toEqual([['/bin/x', 'a b']]);
  });

  it('says what a program printed that did not end in time, without waiting for it', async () => {
    let killed = false;
    const agent = new FakeAgent({
      onCommand: ({ execute, arguments: args = {} }, stream) => {
        if (execute === 'guest-exec') {
          killed ||= String(args.arg).includes('kill -KILL');
          return answer(stream, { pid: killed ? 2 : 1 });
        }
        const output = { 'out-data': Buffer.from('waiting for the lock\n').toString('base64') };
        answer(stream, killed ? { exited: true, signal: 9, ...output } : { exited: false });
      },
    });
    const guest = createAgentGuest(
      { clock: systemClock, agent: new AgentClient(systemClock, agent.connect) },
      () => undefined,
    );
    await expect(guest.exec(['/bin/x'], { timeoutMs: 100 })).rejects.toMatchObject({
      reason: 'GuestCommandTimeout',
      message:
        '/bin/x in the guest did not end within 0.1 s and was killed; its last output: waiting for the lock',
    });
  });

  it('does not wait for an agent that is silent while a program runs longer than it may', async () => {
    const agent = new FakeAgent({
      onCommand: ({ execute }, stream) => {
        if (execute === 'guest-exec') answer(stream, { pid: 1 });
      },
    });
    const client = new AgentClient(systemClock, agent.connect);
    const guest = createAgentGuest({ clock: systemClock, agent: client }, () => client.close());
    const running = guest.exec(['/bin/x'], { timeoutMs: 600_000, silentMs: 100 });
    await expect(running).rejects.toMatchObject({ reason: 'AgentUnavailable' });
  });

  it('gives the program its input, and no other part of the command has it', async () => {
    const fake = new FakeGuest();
    await fake.guest().exec(['/bin/x'], { ...patience, input: Buffer.from('secret') });
    const { 'input-data': input, ...rest } = fake.agent.commands[0]?.arguments ?? {};
    expect(Buffer.from(String(input), 'base64').toString()).toBe('secret');
    expect(JSON.stringify(rest)).not.toContain('secret');
  });

  it('keeps a path to programs when the environment is replaced', async () => {
    const fake = new FakeGuest();
    await fake.guest().exec(['x'], { env: { A: 'b' }, ...patience });
    const env = fake.agent.commands[0]?.arguments?.env;
    expect(env).toEqual([expect.stringMatching(/^PATH=.*\/bin/), 'A=b']);
  });

  it('writes all bytes, and runs no program for it', async () => {
    const fake = new FakeGuest();
    await fake.guest().writeFile('/srv/a file', content('one ', 'two'), patience);
    expect(fake.written.toString()).toBe('one two');
    const [open] = fake.agent.commands.filter(({ execute }) => execute === 'guest-file-open');
    expect(open?.arguments?.path).toBe('/srv/a file');
    expect(fake.programs).toEqual([]);
  });

  it('makes the folder only when it is missing', async () => {
    const fake = new FakeGuest({ folderExists: false });
    await fake.guest().writeFile('/srv/deep/file', content('x'), patience);
    expect(fake.programs[0]?.slice(4)).toEqual(['/srv/deep']);
    expect(fake.written.toString()).toBe('x');
  });

  it('says that the guest’s disk is full, and removes what it has written', async () => {
    const fake = new FakeGuest({ freeBytes: 5 });
    const writing = fake.guest().writeFile('/srv/f', content('123456789'), patience);
    await expect(writing).rejects.toMatchObject({ reason: 'GuestDiskFull' });
    const last = fake.programs.at(-1) ?? [];
    expect(last[2]).toContain('rm -f');
    expect(fake.agent.commands.map(({ execute }) => execute)).toContain('guest-file-close');
  });

  it('hands on what breaks the content, after closing the file', async () => {
    const fake = new FakeGuest();
    const broken = async function* () {
      yield Buffer.from('some');
      throw new Error('the source dried up');
    };
    const writing = fake.guest().writeFile('/srv/f', broken(), patience);
    await expect(writing).rejects.toThrow('the source dried up');
    expect(fake.agent.commands.map(({ execute }) => execute)).toContain('guest-file-close');
  });
});
