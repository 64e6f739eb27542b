import { join } from 'node:path';
import type { VmSpec } from '../../../src/hostd/drivers/vm.ts';
import type { Guest } from '../../../src/hostd/guest/guest.ts';
import { checkpointsOf } from './checkpoint-bed.ts';
import { Scene } from './scene.ts';

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
