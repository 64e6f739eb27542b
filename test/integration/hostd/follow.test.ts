import { fastify } from 'fastify';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Agent, send } from '../../../src/base/http.ts';
import { applianceRoutes } from '../../../src/hostd/http/appliances.ts';
import type { App, RouteContext } from '../../../src/hostd/http/context.ts';
import { ajv } from '../../../src/hostd/validate.ts';
import { fastClock } from '../../builders/fast-clock.ts';

const uuid = '00000000-0000-4000-8000-000000000001';

/** The logs of a daemon, without TLS: one appliance, whose console has printed something so far. */
class Logs {
  exists = true;
  /** How often the console was read. */
  reads = 0;
  /** What the caller has received. */
  heard = '';
  readonly stopping = new AbortController();
  readonly #app = fastify({ forceCloseConnections: true });
  readonly #agent = new Agent();
  #printed = Buffer.alloc(0);

  constructor() {
    const directoryOf = () => (this.exists ? { path: '/vm' } : undefined);
    const consoleTail = async (_path: string, bytes: number) => {
      this.reads += 1;
      return this.#printed.subarray(-bytes).toString();
    };
    const stopping = this.stopping.signal;
    const context = { appliances: { directoryOf }, driver: { consoleTail }, clock: fastClock(50), stopping };
    this.#app.setValidatorCompiler(({ schema }) => ajv.compile(schema));
    applianceRoutes(this.#app as unknown as App, context as unknown as RouteContext);
  }

  print(text: string | Buffer): void {
    this.#printed = Buffer.concat([this.#printed, Buffer.from(text)]);
  }

  /** Resolves when the answer has begun, to what resolves when it has ended. */
  async follow(bytes: number, signal = new AbortController().signal) {
    const base = await this.#app.listen({ host: '127.0.0.1', port: 0 });
    const url = `${base}/v1/appliances/${uuid}/console?bytes=${bytes}&follow=true`;
    const { statusCode, body } = await send(this.#agent, url, { signal });
    expect(statusCode).toBe(200);
    const read = async () => {
      const decoder = new TextDecoder();
      for await (const chunk of body) this.heard += decoder.decode(chunk as Buffer, { stream: true });
    };
    return { ended: read() };
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
    await this.#app.close();
  }
}

let logs: Logs;

beforeEach(() => {
  logs = new Logs();
});

afterEach(() => logs.close());

const hears = (text: string) => vi.waitFor(() => expect(logs.heard).toBe(text));

it('goes on with what is printed, until the daemon stops', async () => {
  logs.print('old\nnew\n');
  const { ended } = await logs.follow(4);
  await hears('new\n');
  logs.print('one\n');
  await hears('new\none\n');
  logs.print('t');
  logs.print('wo\n');
  await hears('new\none\ntwo\n');
  logs.stopping.abort();
  await ended;
});

it('answers at once when there is nothing yet, and ends with the appliance', async () => {
  const { ended } = await logs.follow(100);
  logs.print('first words');
  await hears('first words');
  logs.exists = false;
  await ended;
});

it('cuts no character in two, at either end', async () => {
  const [first, second] = [Buffer.from('\u20ac').subarray(0, 1), Buffer.from('\u20ac').subarray(1)];
  const text = Array.from({ length: 20_000 }, (_, number) => `${number}\u20ac`).join('');
  logs.print(Buffer.concat([Buffer.from(text), first]));
  const { ended } = await logs.follow(6);
  await hears('999\u20ac');
  for (const more of [second, '1', '2', '3', '4']) {
    logs.print(more);
    await vi.waitFor(() =>
      expect(logs.heard.endsWith(more === second ? '\u20ac\u20ac' : `${more}`)).toBe(true),
    );
  }
  expect(logs.heard).toBe('999\u20ac\u20ac1234');
  logs.stopping.abort();
  await ended;
});

it('reads no more when the caller has left', async () => {
  const caller = new AbortController();
  const { ended } = await logs.follow(100, caller.signal);
  caller.abort();
  await expect(ended).rejects.toThrow();
  await vi.waitFor(async () => {
    const before = logs.reads;
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(logs.reads).toBe(before);
  });
});
