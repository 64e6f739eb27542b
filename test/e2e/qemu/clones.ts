import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { VmSpec } from '../../../src/hostd/drivers/vm.ts';
import type { Guest } from '../../../src/hostd/guest/guest.ts';
import { checkpointsOf } from './checkpoint-bed.ts';
import { Scene } from './scene.ts';

/** As many as there are processors on the smallest machine: their guests have no other. */
const AT_ONCE = 2;

export type Clone = {
  readonly vm: VmSpec;
  readonly guest: Guest;
  readonly connect: () => Promise<void>;
  readonly end: () => Promise<void>;
};

/** One VM's checkpoint, and VMs that continue from it. */
export class Clones {
  readonly #scene: Scene;
  readonly #folder: string;
  readonly source: VmSpec;

  private constructor(scene: Scene, source: VmSpec, folder: string) {
    this.#scene = scene;
    this.source = source;
    this.#folder = folder;
  }

  /** @param prepare what is done in the guest before its memory is saved */
  static async of(prepare: (guest: Guest) => Promise<unknown>): Promise<Clones> {
    const scene = await Scene.create();
    const folder = join(scene.root, 'checkpoint');
    const { vm, guest } = await scene.running({ capturable: true });
    await prepare(guest);
    guest.close();
    await checkpointsOf(scene.driver).save(vm, folder);
    return new Clones(scene, vm, folder);
  }

  /** A VM that runs from that moment on, not connected. */
  async clone(): Promise<Clone> {
    const { driver } = this.#scene;
    const checkpoints = checkpointsOf(driver);
    const layer = (await checkpoints.files(this.#folder))?.disk ?? '';
    const vm = await this.#scene.vm({ layer });
    await checkpoints.restore(vm, this.#folder);
    const guest = driver.guest(vm.uuid, vm.directory);
    return {
      vm,
      guest,
      connect: () => checkpoints.connect(vm),
      end: async () => {
        guest.close();
        await driver.destroy(vm.uuid, vm.directory);
      },
    };
  }

  close(): Promise<void> {
    return this.#scene.close();
  }
}

/** HTTP's status; 0 when nobody answers. */
export async function answer(port: number | undefined): Promise<number> {
  const got = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
  return got?.status ?? 0;
}

class Interrupted extends Error {}

export function unlessInterrupted(error: unknown): void {
  if (!(error instanceof Interrupted)) throw error;
}

/** A guest whose daemon ends with a call: before the guest gets it, or while the guest is at it, which then goes on alone. */
export function interrupted(guest: Guest, at: number, when: 'before' | 'during') {
  let calls = 0;
  const counted =
    <Args extends readonly unknown[], T>(call: (...args: Args) => Promise<T>) =>
    async (...args: Args): Promise<T> => {
      calls += 1;
      if (calls > at || (calls === at && when === 'before')) throw new Interrupted();
      const result = call(...args);
      if (calls < at) return result;
      result.catch(() => undefined);
      await delay(100);
      throw new Interrupted();
    };
  const proxy = { ...guest, exec: counted(guest.exec), interfaces: counted(guest.interfaces) };
  return { guest: proxy, calls: () => calls };
}

/** Does the works, some of them at a time. */
export async function atOnce(works: readonly (() => Promise<unknown>)[]): Promise<void> {
  const waiting = [...works];
  const worker = async () => {
    for (let work = waiting.shift(); work !== undefined; work = waiting.shift()) await work();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
