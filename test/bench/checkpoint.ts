import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Checkpoints } from '../../src/hostd/drivers/checkpoints.ts';
import type { VmSpec } from '../../src/hostd/drivers/vm.ts';
import { Scene } from '../e2e/qemu/scene.ts';
import { type BenchContext, type Benchmark, interleave, type Ratio, summarise } from './harness.ts';

const MIB = 1024 * 1024;
const REPETITIONS = 5;
/** Of the guests, in MiB. */
const SIZES = [128, 1024, 4096] as const;
const SMALLEST = SIZES[0];
const LARGEST = SIZES[2];
const MANY = 40;
const AT_ONCE = 2;
const WITHOUT_PORTS = { mode: 'user', mac: '52:54:00:00:00:01', forwards: [] } as const;

/** VMs that continue from a checkpoint beside VMs that boot: time to the agent's answer, and memory. */
export const checkpoint: Benchmark = {
  name: 'checkpoint',
  description: `start from a checkpoint against a boot; guests of ${SIZES.join(', ')} MiB; memory of ${MANY} VMs`,
  run: async (context) => {
    const scene = await Scene.create();
    try {
      const saved = new Map<number, Saved>();
      for (const size of SIZES) saved.set(size, await save(context, scene, size));
      return [...(await measureStarts(context, scene, saved)), await measureMemory(scene, saved)];
    } finally {
      await scene.close();
    }
  },
};

type Saved = {
  readonly folder: string;
  readonly disk: string;
  readonly saveSeconds: number;
  /** With the digests of its files, which a daemon compares once. */
  readonly firstStartSeconds: number;
};

function checkpointsOf({ driver }: Scene): Checkpoints {
  if (driver.checkpoints === undefined) throw new Error('the driver has no checkpoints');
  return driver.checkpoints;
}

async function save(context: BenchContext, scene: Scene, size: number): Promise<Saved> {
  const { vm, guest } = await scene.running({ capturable: true, memoryBytes: size * MIB });
  guest.close();
  const folder = join(scene.root, `checkpoint-${size}`);
  const savesAt = context.now();
  await checkpointsOf(scene).save(vm, folder);
  const saveSeconds = context.now() - savesAt;
  const disk = (await checkpointsOf(scene).files?.(folder))?.disk;
  if (disk === undefined) throw new Error(`there is no checkpoint in ${folder}`);
  const startsAt = context.now();
  await scene.driver.destroy(...placeOf(await restore(scene, size, { folder, disk })));
  const firstStartSeconds = context.now() - startsAt;
  context.log(
    `${size} MiB: saved in ${saveSeconds.toFixed(2)} s, first start ${firstStartSeconds.toFixed(2)} s`,
  );
  return { folder, disk, saveSeconds, firstStartSeconds };
}

function placeOf({ uuid, directory }: VmSpec): [string, string] {
  return [uuid, directory];
}

/** With its disk, as the daemon would make it; resolves when the agent has answered. */
async function restore(scene: Scene, size: number, from: Pick<Saved, 'folder' | 'disk'>): Promise<VmSpec> {
  const vm = await scene.vm({ layer: from.disk, memoryBytes: size * MIB, network: WITHOUT_PORTS });
  await checkpointsOf(scene).restore(vm, from.folder);
  return vm;
}

async function measureStarts(
  context: BenchContext,
  scene: Scene,
  saved: ReadonlyMap<number, Saved>,
): Promise<readonly Ratio[]> {
  const ended = (vm: VmSpec) => ({
    clearUp: async () => {
      await scene.driver.destroy(...placeOf(vm));
      await rm(vm.directory, { recursive: true });
    },
  });
  const boot = async () => {
    const { vm, guest } = await scene.running({ memoryBytes: SMALLEST * MIB });
    guest.close();
    return ended(vm);
  };
  const sides = [...saved].map(
    ([size, from]) => [`restored-${size}`, async () => ended(await restore(scene, size, from))] as const,
  );
  const all = { booted: boot, ...Object.fromEntries(sides) };
  const seconds = await interleave<string>(context, REPETITIONS, all);
  const of = (side: string) => summarise(seconds[side] ?? []);
  const [booted, smallest, largest] = [of('booted'), of(`restored-${SMALLEST}`), of(`restored-${LARGEST}`)];
  const firsts = Object.fromEntries([...saved].map(([size, { folder, disk, ...times }]) => [size, times]));
  return [
    {
      name: 'checkpoint/agent-against-boot',
      value: smallest.median / booted.median,
      aim: 0.05,
      better: 'less',
      raw: { counted: 'median seconds to the answer of the agent, with the disk', booted, smallest, firsts },
    },
    {
      name: `checkpoint/flat-over-memory-${SMALLEST}-to-${LARGEST}-MiB`,
      value: largest.median / smallest.median,
      aim: 1.2,
      better: 'less',
      raw: { smallest, largest, between: of(`restored-${SIZES[1]}`) },
    },
  ];
}

async function measureMemory(scene: Scene, saved: ReadonlyMap<number, Saved>): Promise<Ratio> {
  const from = saved.get(SMALLEST);
  if (from === undefined) throw new Error('nothing was saved');
  const vms: VmSpec[] = [];
  let started = 0;
  const some = async () => {
    while (started < MANY) {
      started += 1;
      vms.push(await restore(scene, SMALLEST, from));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, some));
  const sizes = await Promise.all(vms.map((vm) => pssMiB(scene, vm)));
  return {
    name: `checkpoint/MiB-per-VM-of-${MANY}`,
    value: sizes.reduce((sum, size) => sum + size, 0) / sizes.length,
    aim: 35,
    better: 'less',
    raw: { counted: 'proportional set size of QEMU right after the agent answered', ...summarise(sizes) },
  };
}

async function pssMiB(scene: Scene, vm: VmSpec): Promise<number> {
  const pid = (await scene.driver.inspect(...placeOf(vm)))?.pid;
  const kibibytes = /^Pss: +(\d+) kB$/m.exec(await readFile(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1];
  return Number(kibibytes) / 1024;
}
