import type { Duplex } from 'node:stream';
import { systemClock } from '../../../base/clock.ts';
import { AgentClient } from '../agent.ts';
import type { Session } from '../session.ts';
import { answer, type Command, FakeAgent, refuse } from './fake-agent.ts';

/** A guest that is nothing but files in one folder, which may be absent. */
export class MemoryFiles {
  readonly session: Session;
  readonly files = new Map<string, Buffer>();
  /** What was asked, such as `open w out.0`. */
  readonly asked: string[] = [];
  hasFolder = true;
  /** What the guest does just after it has answered a command. */
  after: (asked: string) => void = () => undefined;
  readonly #open = new Map<number, { readonly path: string; at: number }>();

  constructor() {
    const agent = new FakeAgent({ onCommand: (command, stream) => this.#obey(command, stream) });
    this.session = { clock: systemClock, agent: new AgentClient(systemClock, agent.connect) };
  }

  append(path: string, text: string): void {
    this.files.set(path, Buffer.concat([this.files.get(path) ?? Buffer.alloc(0), Buffer.from(text)]));
  }

  /** How many files are open. */
  get open(): number {
    return this.#open.size;
  }

  #obey({ execute, arguments: args = {} }: Command, stream: Duplex): void {
    const handle = Number(args.handle);
    const file = this.#open.get(handle) ?? { path: String(args.path), at: 0 };
    const verb = execute.replace('guest-file-', '');
    const asked = verb === 'open' ? `open ${args.mode} ${file.path}` : `${verb} ${file.path}`;
    this.asked.push(asked);
    if (verb === 'open') this.#opened(file.path, String(args.mode), stream);
    else if (verb === 'read') this.#read(file, Number(args.count), stream);
    else if (verb === 'write') {
      const data = Buffer.from(String(args['buf-b64']), 'base64');
      this.append(file.path, data.toString());
      answer(stream, { count: data.length, eof: false });
    } else {
      this.#open.delete(handle);
      answer(stream, {});
    }
    this.after(asked);
  }

  #opened(path: string, mode: string, stream: Duplex): void {
    if (!this.hasFolder || (mode === 'r' && !this.files.has(path))) {
      refuse(stream, `failed to open file '${path}' (mode: '${mode}'): No such file or directory`);
      return;
    }
    if (mode === 'w') this.files.set(path, Buffer.alloc(0));
    const handle = 1000 + this.asked.length;
    this.#open.set(handle, { path, at: 0 });
    answer(stream, handle);
  }

  #read(file: { readonly path: string; at: number }, count: number, stream: Duplex): void {
    const data = (this.files.get(file.path) ?? Buffer.alloc(0)).subarray(file.at, file.at + count);
    file.at += data.length;
    answer(stream, {
      count: data.length,
      eof: data.length < count,
      ...(data.length > 0 ? { 'buf-b64': data.toString('base64') } : {}),
    });
  }
}
