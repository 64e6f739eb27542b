import type { Logger } from 'pino';
import type { Clock } from '../../../base/clock.ts';
import type { Credentials } from '../../../host/connector.ts';
import { hostErrors, messageOf, toHostError } from '../../errors/index.ts';
import { chunksIn } from '../content/chunks.ts';
import { identityOf } from '../content/identity.ts';
import { Manifest } from '../content/manifest.ts';
import { fetchMissing } from './fetch-missing.ts';
import { copyLocalChunks } from './local-chunks.ts';
import { PEER_PACE, PeerClient, type PeerPace, requireClientCertificate } from './peer-client.ts';
import { type Peer, PeerFailure } from './peer-failure.ts';
import { Peers } from './peers.ts';
import type { OpenLayer } from './served-layers.ts';
import type { DiskFormat, KnownLayer, UnfinishedFile } from './unfinished-file.ts';
import { UnfinishedLayer } from './unfinished-layer.ts';

export type ReceiveRequest = {
  readonly identity: string;
  /** The file of a layer of this host, which must stay where it is; undefined when the layer is not here. */
  readonly fileOf: (identity: string) => string | undefined;
  /** How the host's driver keeps disks. */
  readonly diskFormat: DiskFormat;
  /** Whom to ask, in order of preference. */
  readonly peers: readonly Peer[];
  /** The daemon's own certificate and key, and the authority of the hosts. */
  readonly credentials: Credentials;
  /** Folder of unfinished layers, on the file system of the finished ones. What an interrupted call left there is gone on with. */
  readonly directory: string;
  /** Opens the layers of this host one after the other, the likeliest to have the same chunks first. */
  readonly locals: () => AsyncIterable<OpenLayer>;
  /** Rejects with DiskFull when there is no space for so many bytes. Called before the first chunk is written, and repeatedly afterwards. */
  readonly ensureRoom: (missingBytes: number) => Promise<unknown>;
  readonly onProgress: (bytes: { readonly present: number; readonly total: number }) => void;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly log: Logger;
  readonly pace?: PeerPace;
  /** How often what has arrived is made durable, in milliseconds; default 1 s. */
  readonly flushMs?: number;
};

/**
 * A layer's file, whole and verified, for `LayerFolder.place`; `removeReceived` removes it afterwards. In a sparse one, zeroes take no
 * room.
 */
export type ReceivedLayer = KnownLayer & { readonly file: string; readonly isSparse: boolean };

/** What came in that time comes again after a crash. With a longer one, more is left to be written at the end. */
const FLUSH_MS = 1_000;

/**
 * Reads a layer from other hosts: its manifest, which is verified by the identity before anything else, then what of its chunks no
 * layer of this host has. Each chunk is verified before it is written. A peer that fails is left for the next.
 *
 * Rejects with the only peer's problem, or with `NoPeerGivesLayer`: what has arrived is kept, and the next call goes on with it; with
 * `DiskFull`, and then nothing is kept, since VMs write to the same disk; with `CertificateNotForClients`; with `LayerMissing` while the
 * layer that it is a difference to is not here; with the signal's reason. To be called once at a time for a layer.
 */
export async function receiveLayer(request: ReceiveRequest): Promise<ReceivedLayer> {
  const { identity, directory, signal } = request;
  const unfinished = new UnfinishedLayer(directory, identity);
  const peers = peersOf(request);
  try {
    const known = (await unfinished.readKnown()) ?? (await begin(request, peers, unfinished));
    const file = await unfinished.open(known, request.diskFormat, backingOf(request, known));
    await fill(request, peers, file);
    return { ...known, file: unfinished.filePath, isSparse: file.isSparse };
  } catch (error) {
    signal.throwIfAborted();
    const failure = toHostError(error);
    if (failure.reason === 'DiskFull') await unfinished.remove();
    throw failure;
  } finally {
    await peers.close();
  }
}

/** Removes what a call of `receiveLayer` has left, finished or not. */
export async function removeReceived(directory: string, identity: string): Promise<void> {
  await new UnfinishedLayer(directory, identity).remove();
}

function peersOf({ peers, credentials, clock, identity, log, pace = PEER_PACE }: ReceiveRequest): Peers {
  requireClientCertificate(credentials);
  const clients = peers.map((peer) => new PeerClient({ peer, credentials, clock, pace }));
  return new Peers(clients, { identity, clock, log, busyMs: pace.busyMs });
}

/** Finds out what the layer is, from the first peer that knows, and begins its file. */
async function begin(
  { identity, signal }: ReceiveRequest,
  peers: Peers,
  unfinished: UnfinishedLayer,
): Promise<KnownLayer> {
  for (;;) {
    const client = await peers.next(signal);
    try {
      const known = verified(identity, client.peer, await client.manifest(identity, signal));
      await unfinished.begin(known);
      return known;
    } catch (error) {
      if (!(error instanceof PeerFailure)) throw error;
      peers.failed(client, error);
    }
  }
}

/** @throws PeerFailure unless this is the layer with that identity */
function verified(
  identity: string,
  peer: Peer,
  { shape, bytes }: Awaited<ReturnType<PeerClient['manifest']>>,
): KnownLayer {
  const wrong = (problem: string) =>
    new PeerFailure(peer, hostErrors.peerWrongManifest(peer.host, identity, problem));
  let manifest: Manifest;
  try {
    manifest = Manifest.decode(bytes, 'what it gave');
  } catch (error) {
    throw wrong(messageOf(error));
  }
  if (manifest.count !== chunksIn(shape.virtualBytes))
    throw wrong(`it has ${manifest.count} chunks in ${shape.virtualBytes} bytes`);
  if (identityOf(shape, manifest) !== identity) throw wrong('its identity is another');
  return { shape, manifest };
}

/** @throws HostError LayerMissing while the parent is not here */
function backingOf({ identity, fileOf }: ReceiveRequest, { shape }: KnownLayer): string | undefined {
  if (shape.parent === undefined) return undefined;
  const file = fileOf(shape.parent);
  if (file === undefined) throw hostErrors.parentNotHere(identity, shape.parent);
  return file;
}

/** Gets the chunks. Whatever happens, what has arrived is durable afterwards, and the map says so. */
async function fill(request: ReceiveRequest, peers: Peers, file: UnfinishedFile): Promise<void> {
  const { identity, signal, log, locals } = request;
  try {
    await request.ensureRoom(file.missingBytes);
    const wrong = await file.verify(signal);
    if (wrong > 0)
      log.warn(
        { layer: identity, wrong },
        'chunks that had arrived are not what they were: they are fetched again',
      );
    const onWritten = follow(request, file);
    await copyLocalChunks({ file, layers: locals, signal, log, onWritten });
    await fetchMissing({ identity, file, peers, signal, onWritten });
  } finally {
    await file.flush().finally(() => file.close());
  }
}

/** To be called when something was written: tells of it, and every few seconds makes it durable and looks for room. */
function follow(
  { clock, onProgress, ensureRoom, flushMs = FLUSH_MS }: ReceiveRequest,
  file: UnfinishedFile,
): () => Promise<void> {
  let flushedAt = clock.monotonic();
  const tell = () => onProgress(file.progress);
  tell();
  return async () => {
    tell();
    if (clock.monotonic() - flushedAt < flushMs) return;
    flushedAt = clock.monotonic();
    await ensureRoom(file.missingBytes);
    await file.flush();
  };
}
