import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { systemClock } from '../../../../src/base/clock.ts';
import { hostServerName, OPERATOR_ORGANIZATION } from '../../../../src/host/protocol.ts';
import { Callers } from '../../../../src/hostd/http/callers.ts';
import { type TransferOptions, transferRoutes } from '../../../../src/hostd/http/layer-transfer.ts';
import { createApp, listen } from '../../../../src/hostd/http/server.ts';
import { CHUNK_BYTES } from '../../../../src/hostd/layers/content/chunks.ts';
import { identityOf, type LayerShape } from '../../../../src/hostd/layers/content/identity.ts';
import { Lineage } from '../../../../src/hostd/layers/content/lineage.ts';
import { RawContent } from '../../../../src/hostd/layers/content/raw.ts';
import { scan } from '../../../../src/hostd/layers/content/scan.ts';
import { LayerFolder } from '../../../../src/hostd/layers/layer-folder.ts';
import { Qcow2Reader } from '../../../../src/hostd/layers/qcow2/reader.ts';
import { LayerReaders, openLayer } from '../../../../src/hostd/layers/transfer/layer-readers.ts';
import type { Peer } from '../../../../src/hostd/layers/transfer/peer-failure.ts';
import { type ReceiveRequest, receiveLayer } from '../../../../src/hostd/layers/transfer/receive-layer.ts';
import type { OpenLayer } from '../../../../src/hostd/layers/transfer/served-layers.ts';
import { createCa, issueCertificate, type KeyPair } from '../../../../src/main/certificates.ts';

const run = promisify(execFile);

const log = pino({ level: process.env.TEST_LOG ?? 'silent' });

export type Fleet = {
  readonly ca: string;
  readonly hosts: Readonly<Record<'host-a' | 'host-b' | 'host-c', KeyPair>>;
  readonly serverOnly: KeyPair;
  readonly operator: KeyPair;
  readonly stranger: KeyPair;
};

/** Certificates of three hosts by one authority, and of others. */
export async function createFleet(): Promise<Fleet> {
  const common = { days: 1, now: Date.now() };
  const ca = await createCa({ commonName: 'hosts', ...common });
  const host = (name: string, usage: 'both' | 'server') =>
    issueCertificate(ca, { ...common, commonName: name, dnsNames: [hostServerName(name)], usage });
  const client = (commonName: string, organization: string) =>
    issueCertificate(ca, { ...common, commonName, organizations: [organization], usage: 'client' });
  return {
    ca: ca.cert,
    hosts: {
      'host-a': await host('host-a', 'both'),
      'host-b': await host('host-b', 'both'),
      'host-c': await host('host-c', 'both'),
    },
    serverOnly: await host('host-c', 'server'),
    operator: await client('operator', OPERATOR_ORGANIZATION),
    stranger: await client('stranger', 'others'),
  };
}

export type HostName = keyof Fleet['hosts'];

/** A layer that is sealed in a host's folder. */
export type Sealed = {
  readonly identity: string;
  readonly folder: LayerFolder;
  readonly file: string;
  readonly shape: LayerShape;
  readonly dataChunks: number;
};

/** Seals a file as `<root>/<identity>`, as a difference to the parent if there is one. The file itself goes. */
export async function seal(
  root: string,
  path: string,
  kind: LayerShape['kind'],
  parents: readonly Sealed[] = [],
): Promise<Sealed> {
  const manifests = await Promise.all(parents.map(({ folder }) => folder.readManifest()));
  const content = await (kind === 'disk' ? Qcow2Reader : RawContent).open(path);
  const parent = manifests.length === 0 ? {} : { parent: new Lineage(manifests) };
  const manifest = await scan(content, parent);
  await content.close();
  const shape: LayerShape = {
    kind,
    virtualBytes: content.virtualBytes,
    ...(parents[0] === undefined ? {} : { parent: parents[0].identity }),
  };
  const identity = identityOf(shape, manifest);
  const folder = new LayerFolder(root, identity);
  await folder.place(path, shape, {}, manifest);
  await rm(path);
  return { identity, folder, file: folder.filePath(kind), shape, dataChunks: manifest.dataCount };
}

/** Which 64 KiB of a disk have bytes of their own. */
export type Part = { readonly chunk: number; readonly content: Buffer };

export function randomParts(first: number, count: number): Part[] {
  return Array.from({ length: count }, (_, at) => ({ chunk: first + at, content: randomBytes(CHUNK_BYTES) }));
}

/** A qcow2 file as qemu-img makes it; what is not among the parts is not allocated. */
export async function makeDisk(path: string, bytes: number, parts: readonly Part[]): Promise<void> {
  const raw = `${path}.raw`;
  const file = await open(raw, 'w');
  for (const { chunk, content } of parts)
    await file.write(content.subarray(0, bytes - chunk * CHUNK_BYTES), 0, undefined, chunk * CHUNK_BYTES);
  await file.truncate(bytes);
  await file.close();
  await qemuImg('convert', '-f', 'raw', '-O', 'qcow2', raw, path);
  await rm(raw);
}

export async function qemuImg(...args: readonly string[]): Promise<string> {
  return (await run('qemu-img', args)).stdout;
}

export async function qemuIo(path: string, ...commands: readonly string[]): Promise<void> {
  await run('qemu-io', ['-f', 'qcow2', ...commands.flatMap((command) => ['-c', command]), path]);
}

function openHere(folder: LayerFolder): Promise<OpenLayer | undefined> {
  return openLayer(folder, (path) => Qcow2Reader.open(path));
}

export type Source = {
  readonly peer: Peer;
  /** Indexes of the chunks that were read here, in order, as often as they were. */
  readonly read: number[];
  close(): Promise<void>;
};

export type SourceOptions = Partial<Omit<TransferOptions, 'callers'>> & {
  readonly fleet: Fleet;
  readonly name: HostName;
  readonly root: string;
  readonly mayRead?: (identity: string, host: string) => boolean;
  /** What the source does otherwise than it should. */
  readonly change?: (layer: OpenLayer) => Partial<OpenLayer>;
};

/** A host that gives its layers to others, over TLS as the daemon does. */
export async function startSource(options: SourceOptions): Promise<Source> {
  const { fleet, name, root, mayRead = () => true, change = () => ({}), ...more } = options;
  const callers = new Callers();
  const app = createApp({ ...fleet.hosts[name], clientCa: fleet.ca }, callers, log);
  const readers = new LayerReaders(systemClock, (identity) => openHere(new LayerFolder(root, identity)));
  const read: number[] = [];
  const openForReading = async (identity: string): Promise<OpenLayer | undefined> => {
    const opened = await readers.open(identity);
    if (opened === undefined) return undefined;
    const layer = { ...opened, ...change(opened) };
    return {
      ...layer,
      read: async (index, target) => {
        read.push(...Array.from({ length: target.length / CHUNK_BYTES }, (_, at) => index + at));
        await layer.read(index, target);
      },
    };
  };
  app.get('/v1/other', () => ({ secret: true }));
  transferRoutes(app, { layers: { openForReading, mayRead }, callers, clock: systemClock, log, ...more });
  const { url } = await listen(app, '127.0.0.1', 0);
  const close = async () => {
    await app.close();
    await readers.close();
  };
  return { peer: { host: name, url }, read, close };
}

export type Asking = Partial<ReceiveRequest> & {
  readonly fleet: Fleet;
  readonly directory: string;
  /** Layers of the host that receives. */
  readonly here?: readonly Sealed[];
};

/** Receives a layer as host-c. */
export async function receive(
  { identity }: Pick<Sealed, 'identity'>,
  { fleet, here = [], ...request }: Asking,
) {
  await mkdir(request.directory, { recursive: true });
  return receiveLayer({
    identity,
    fileOf: (other) => here.find((layer) => layer.identity === other)?.file,
    diskFormat: 'qcow2',
    peers: [],
    credentials: { ca: fleet.ca, ...fleet.hosts['host-c'] },
    locals: async function* () {
      for (const { folder } of here) yield (await openHere(folder)) as OpenLayer;
    },
    ensureRoom: async () => undefined,
    onProgress: () => undefined,
    signal: new AbortController().signal,
    clock: systemClock,
    log,
    ...request,
  });
}

/** Makes what was received a layer of that host, as its store does. */
export async function place(
  root: string,
  identity: string,
  { file, shape, manifest }: Awaited<ReturnType<typeof receive>>,
): Promise<Sealed> {
  const folder = new LayerFolder(root, identity);
  await folder.place(file, shape, {}, manifest);
  return { identity, folder, file: folder.filePath(shape.kind), shape, dataChunks: manifest.dataCount };
}

/** A host's two folders: of its layers, and of unfinished ones. */
export async function hostFolders(directory: string, name: string) {
  const root = join(directory, name, 'layers');
  const unfinished = join(directory, name, 'incoming');
  await mkdir(root, { recursive: true });
  await mkdir(unfinished, { recursive: true });
  return { root, unfinished };
}
