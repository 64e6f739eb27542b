import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { locate } from '../../../src/hostd/programs.ts';
import { freePorts, startProcess, type TestProcess } from '../../kubernetes/processes.ts';

const PROGRAM = 'docker-registry';
const path = process.env.PATH ?? '';

export const noRegistry =
  (await locate(PROGRAM, path)) === undefined ? `${PROGRAM} is not installed (${PROGRAM})` : undefined;

const digestOf = (content: Buffer | string) => createHash('sha256').update(content).digest('hex');

type Pushed = { readonly digest: string; readonly bytes: number; readonly type: string };

const OCI = 'application/vnd.oci.image';

/** Docker's registry, in a folder of its own. */
export class ImageRegistry {
  readonly #process: TestProcess;
  readonly #folder: string;
  readonly port: number;

  private constructor(running: TestProcess, folder: string, port: number) {
    this.#process = running;
    this.#folder = folder;
    this.port = port;
  }

  static async start(): Promise<ImageRegistry> {
    const folder = await mkdtemp(join(tmpdir(), 'coppice-registry-'));
    const [port = 0] = await freePorts(1);
    const config = join(folder, 'config.yml');
    const storage = join(folder, 'storage');
    await mkdir(storage);
    await writeFile(
      config,
      `version: 0.1\nstorage: {filesystem: {rootdirectory: ${storage}}}\nhttp: {addr: '127.0.0.1:${port}'}\n`,
    );
    const running = startProcess((await locate(PROGRAM, path)) ?? '', ['serve', config], join(folder, 'log'));
    const registry = new ImageRegistry(running, folder, port);
    await running.waitUntil(() =>
      fetch(registry.address('/v2/')).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    return registry;
  }

  address(at: string): string {
    return `http://127.0.0.1:${this.port}${at}`;
  }

  /** An image of these layers, the lowest first; its manifest's digest. */
  async push(
    repository: string,
    layers: readonly Buffer[],
    architecture = 'amd64',
    tag?: string,
  ): Promise<Pushed> {
    const config = await this.#pushBlob(
      repository,
      Buffer.from(JSON.stringify({ architecture, os: 'linux' })),
    );
    const blobs: Pushed[] = [];
    for (const layer of layers) blobs.push(await this.#pushBlob(repository, layer));
    const described = ({ digest, bytes }: Pushed, mediaType: string) => ({ mediaType, digest, size: bytes });
    return await this.pushManifest(
      repository,
      `${OCI}.manifest.v1+json`,
      {
        config: described(config, `${OCI}.config.v1+json`),
        layers: blobs.map((blob) => described(blob, `${OCI}.layer.v1.tar+gzip`)),
      },
      tag,
    );
  }

  /** An index of images, each for its platform (`linux/arm64`). */
  async pushIndex(repository: string, images: Readonly<Record<string, Pushed>>): Promise<Pushed> {
    const manifests = Object.entries(images).map(([platform, { digest, bytes, type }]) => {
      const [os, architecture] = platform.split('/');
      return { mediaType: type, digest, size: bytes, platform: { os, architecture } };
    });
    return await this.pushManifest(repository, `${OCI}.index.v1+json`, { manifests });
  }

  async pushManifest(repository: string, type: string, content: object, tag?: string): Promise<Pushed> {
    const body = JSON.stringify({ schemaVersion: 2, mediaType: type, ...content });
    const digest = `sha256:${digestOf(body)}`;
    const headers = { 'content-type': type };
    const put = await fetch(this.address(`/v2/${repository}/manifests/${tag ?? digest}`), {
      method: 'PUT',
      headers,
      body,
    });
    if (!put.ok) throw new Error(`${put.status} ${await put.text()}`);
    return { digest, bytes: body.length, type };
  }

  async #pushBlob(repository: string, content: Buffer): Promise<Pushed> {
    const digest = `sha256:${digestOf(content)}`;
    const begun = await fetch(this.address(`/v2/${repository}/blobs/uploads/`), { method: 'POST' });
    const target = new URL(begun.headers.get('location') ?? '', this.address('/'));
    target.searchParams.set('digest', digest);
    const put = await fetch(target, { method: 'PUT', body: new Uint8Array(content) });
    if (!put.ok) throw new Error(`${put.status} ${await put.text()}`);
    return { digest, bytes: content.length, type: '' };
  }

  async close(): Promise<void> {
    await this.#process.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/**
 * What public registries do before a registry: anybody gets a token, requests without it are refused, and whoever wants a blob is sent to
 * another server, which must not get the token.
 */
export class PublicFront {
  readonly #server: Server;
  readonly #store: Server;
  readonly requests: string[] = [];
  /** How many bytes of a blob are sent before the connection breaks; once. */
  breakAfter: number | undefined;
  /** What it says to somebody without a token. */
  challenge = '';
  /** Where it sends those who want a blob. */
  redirect: (store: string, path: string) => string = (store, at) => store + at;

  private constructor(registry: ImageRegistry) {
    this.#server = createServer((asked, answer) => {
      const { url = '', headers } = asked;
      this.requests.push(`${url.split('?', 1)[0]} ${headers.range ?? ''}`.trim());
      if (url.startsWith('/token')) {
        const query = new URL(url, 'http://front').searchParams;
        const token = `${query.get('service')}|${query.get('scope')}`;
        return void answer.end(JSON.stringify({ token }));
      }
      const repository = /^\/v2\/(.*)\/(?:manifests|blobs)\//.exec(url)?.[1];
      if (headers.authorization !== `Bearer front|repository:${repository}:pull`) {
        return void answer.writeHead(401, { 'www-authenticate': this.challenge }).end();
      }
      if (url.includes('/blobs/')) {
        return void answer.writeHead(307, { location: this.redirect(addressOf(this.#store), url) }).end();
      }
      pass(registry, asked, answer);
    });
    this.#store = createServer((asked, answer) => {
      this.requests.push(`store ${asked.headers.range ?? ''}`.trim());
      if (asked.headers.authorization !== undefined) return void answer.writeHead(400).end();
      const limit = this.breakAfter;
      this.breakAfter = undefined;
      pass(registry, asked, answer, limit);
    });
  }

  static async start(registry: ImageRegistry): Promise<PublicFront> {
    const front = new PublicFront(registry);
    for (const server of [front.#server, front.#store]) {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    }
    front.challenge = `Bearer realm="${addressOf(front.#server)}/token",service="front",scope="ignored"`;
    return front;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const server of [this.#server, this.#store]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }
}

const addressOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

function pass(
  registry: ImageRegistry,
  { url = '', headers }: import('node:http').IncomingMessage,
  answer: import('node:http').ServerResponse,
  limit?: number,
): void {
  const { accept, range } = headers;
  const wanted = { ...(accept === undefined ? {} : { accept }), ...(range === undefined ? {} : { range }) };
  request(registry.address(url), { headers: wanted }, (got) => {
    answer.writeHead(got.statusCode ?? 500, got.headers);
    if (limit === undefined) return void got.pipe(answer);
    let sent = 0;
    got.on('data', (chunk: Buffer) => {
      const part = chunk.subarray(0, limit - sent);
      sent += part.length;
      answer.write(part, () => (sent >= limit ? answer.destroy() : undefined));
    });
  }).end();
}
