import { createHash } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CHUNK_BYTES } from '../../../src/hostd/layers/content/chunks.ts';
import { createFleet } from '../../integration/hostd/transfer/fixtures.ts';
import { type BenchContext, interleave, type Ratio, type Side, summarise, warmUp } from '../harness.ts';
import { cpuSeconds } from '../processes.ts';
import { startPart } from '../scale/parts.ts';
import { toTheEnd } from './commands.ts';
import { Daemon } from './daemon.ts';
import { makeImage } from './image.ts';
import type { ReceiverCalls } from './plain-receiver.ts';
import type { SenderCalls } from './plain-sender.ts';

const SIZE_MIB = 512;
const REPETITIONS = 7;

type Pids = { readonly sender: number; readonly receiver: number };
type Measured = { readonly side: Side; readonly cpu: () => Cpu; readonly stop: () => Promise<void> };
/** Seconds of CPU, one for each repetition. */
type Cpu = Readonly<Record<keyof Pids, readonly number[]>>;

/** A layer comes from another host, against a file that comes over a bare TCP connection, with the same digests. */
export async function measureCopy(context: BenchContext, folder: string): Promise<Ratio[]> {
  const daemons = await betweenDaemons(folder);
  const plain = await betweenProcesses(folder, daemons.file).catch(async (error: unknown) => {
    await daemons.stop();
    throw error;
  });
  try {
    const sides = { layer: daemons.side, plain: plain.side };
    await warmUp(sides);
    const seconds = await interleave(context, REPETITIONS, sides);
    const speed = summarise(
      seconds.plain.map((taken, repetition) => taken / (seconds.layer[repetition] ?? 0)),
    );
    return [
      {
        name: `templates/host-to-host-speed-against-tcp-${SIZE_MIB}-MiB`,
        value: speed.median,
        aim: 0.8,
        better: 'more',
        raw: {
          counted:
            'a bare TCP copy with a SHA-256 for each 64 KiB and fsync, ÷ from PUT /v1/layers to Ready, over mutual TLS; the median of the ratios',
          speed,
          layerSeconds: summarise(seconds.layer),
          plainSeconds: summarise(seconds.plain),
          layerCpuSeconds: daemons.cpu(),
          plainCpuSeconds: plain.cpu(),
        },
      },
    ];
  } finally {
    await plain.stop();
    await daemons.stop();
  }
}

async function betweenDaemons(folder: string): Promise<Measured & { readonly file: string }> {
  const fleet = await createFleet();
  const source = await Daemon.start(folder, 'host-a', fleet);
  const target = await Daemon.start(folder, 'host-c', fleet);
  const image = await makeImage(join(folder, 'image.raw'), SIZE_MIB);
  const identity = await source.import(image);
  await rm(image.path);
  const fetch = async () => {
    await target.fetch(identity, source);
    return { clearUp: () => target.client.deleteLayer(identity) };
  };
  return {
    file: join(source.stateDir, 'layers', identity, 'disk.qcow2'),
    ...counting({ sender: source.pid, receiver: target.pid }, fetch),
    stop: async () => {
      await Promise.all([source.stop(), target.stop()]);
    },
  };
}

async function betweenProcesses(folder: string, file: string): Promise<Measured> {
  const sender = startPart<SenderCalls>(new URL('plain-sender.ts', import.meta.url));
  const receiver = startPart<ReceiverCalls>(new URL('plain-receiver.ts', import.meta.url));
  const port = await sender.call('start', file);
  const digests = await digestsOf(file);
  const path = join(folder, 'received');
  const receive = async () => {
    await receiver.call('receive', { port, path, digests });
    return { clearUp: () => rm(path) };
  };
  return {
    ...counting({ sender: sender.pid, receiver: receiver.pid }, receive),
    stop: async () => {
      await Promise.all([sender.stop(), receiver.stop()]);
    },
  };
}

/** Counts the CPU time of both ends, too, and leaves no writing for the next. */
function counting(pids: Pids, work: () => Promise<{ readonly clearUp: () => Promise<void> }>) {
  const spent = { sender: [] as number[], receiver: [] as number[] };
  const ends = Object.keys(pids) as (keyof Pids)[];
  const side: Side = async () => {
    const begun = performance.now();
    const before = await Promise.all(ends.map((end) => cpuSeconds(pids[end])));
    const { clearUp } = await work();
    const seconds = (performance.now() - begun) / 1000;
    for (const [at, end] of ends.entries())
      spent[end].push((await cpuSeconds(pids[end])) - (before[at] ?? 0));
    return { seconds, clearUp: () => clearUp().then(() => toTheEnd('sync', [])) };
  };
  // Without the first, which warmed up.
  return { side, cpu: () => ({ sender: spent.sender.slice(1), receiver: spent.receiver.slice(1) }) };
}

async function digestsOf(path: string): Promise<readonly string[]> {
  const digests: string[] = [];
  const file = await open(path);
  try {
    const buffer = Buffer.alloc(CHUNK_BYTES);
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES, digests.length * CHUNK_BYTES);
      if (bytesRead === 0) return digests;
      digests.push(createHash('sha256').update(buffer.subarray(0, bytesRead)).digest('hex'));
    }
  } finally {
    await file.close();
  }
}
