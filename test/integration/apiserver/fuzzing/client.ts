import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { fileURLToPath } from 'node:url';
import { ADMIN_TOKEN, Caller, testPki } from '../world.ts';

const PATIENCE_MS = 20_000;
/** What is read of a watch, which does not end. */
const WATCHED_MS = 10;

/** One request, as it goes out. */
export interface Shot {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: Uint8Array | undefined;
}

export interface Hit {
  readonly status: number;
  readonly text: string;
  /** Milliseconds that the server was busy at one stretch. */
  readonly longest: number;
  /** What it logged as an error. */
  readonly failures: readonly string[];
}

/** A server in a process of its own, and one connection to it. */
export class Target {
  readonly #process: ChildProcess;
  readonly #url: URL;
  readonly #ca: string;
  readonly #agent: Agent;

  private constructor(child: ChildProcess, url: string, ca: string) {
    this.#process = child;
    this.#url = new URL(url);
    this.#ca = ca;
    this.#agent = new Agent({ ca, keepAlive: true, maxSockets: 1 });
  }

  /** @param dir where the server's certificates may be */
  static async start(dir: string): Promise<Target> {
    const { ca } = await testPki(dir);
    const child = fork(fileURLToPath(new URL('./server.ts', import.meta.url)), [dir]);
    const [{ url }] = (await once(child, 'message')) as [{ url: string }];
    return new Target(child, url, ca.cert);
  }

  async fire({ method, target, headers, body }: Shot): Promise<Hit> {
    const { hostname: host, port } = this.#url;
    const sent = request({
      host,
      port,
      agent: this.#agent,
      method,
      // Not a URL, which would correct it.
      path: target,
      headers: { Authorization: `Bearer ${ADMIN_TOKEN}`, 'Content-Length': body?.length ?? 0, ...headers },
      timeout: PATIENCE_MS,
    });
    sent.once('timeout', () => sent.destroy(new Error(`no answer within ${PATIENCE_MS} ms`)));
    sent.end(body);
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    const text = await textOf(response);
    return { status: response.statusCode ?? 0, text, ...(await this.busy()) };
  }

  /** What happened since it was asked last. */
  async busy(): Promise<Pick<Hit, 'longest' | 'failures'>> {
    const { longest, failures } = await this.#ask('busy');
    return { longest, failures };
  }

  /** Milliseconds of work that the server needs to parse an object of 160,000 keys. Forgets what happened before. */
  async parse(): Promise<number> {
    return (await this.#ask('parse')).parse;
  }

  /** Another connection. */
  caller(): Caller {
    return new Caller(this.#url.origin, this.#ca);
  }

  async #ask(what: 'busy' | 'parse'): Promise<Pick<Hit, 'longest' | 'failures'> & { parse: number }> {
    this.#process.send(what);
    const [answer] = await once(this.#process, 'message');
    return answer;
  }

  async stop(): Promise<void> {
    this.#agent.destroy();
    if (this.#process.exitCode !== null) return;
    this.#process.disconnect();
    await once(this.#process, 'exit');
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  const isWatch = response.headers['content-length'] === undefined;
  const timer = isWatch ? setTimeout(() => response.destroy(), WATCHED_MS) : undefined;
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer);
  } catch (error) {
    if (!isWatch) throw error;
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks).toString();
}
