import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DesiredSeal } from '../../host/protocol.ts';
import { makeDirectory, readJsonIfThere, removeDirectory, writeJsonDurably } from '../files/durable-files.ts';
import type { LogFiles } from './build-logs.ts';
import { type CaptureTargets, sourceOf } from './capture.ts';
import type { Captured } from './captured.ts';

export const SEAL_DELETING_SUFFIX = '.deleting';

/** The content of `sealed.json`: the layers that the disks became, and those of a checkpoint's memory and state. */
export type SealRecord = {
  readonly identity: string;
  readonly data?: string;
  readonly checkpoint?: { readonly memory: string; readonly state: string };
  readonly warning?: string;
};

/** `<state>/seals/<uuid>/`: what is to be sealed, what was captured, and the layer that it became. */
export class SealFolder {
  readonly uuid: string;
  readonly #path: string;

  constructor(root: string, uuid: string) {
    this.uuid = uuid;
    this.#path = join(root, uuid);
  }

  /** What was captured; whole once `readCaptured` finds something. */
  get targets(): CaptureTargets {
    return { disk: join(this.#path, 'disk.qcow2'), data: join(this.#path, 'data.qcow2') };
  }

  /** What a driver saves of a VM; and the state of its devices, as a layer has it. */
  get checkpoint(): { readonly folder: string; readonly stateFile: string } {
    return { folder: join(this.#path, 'checkpoint'), stateFile: join(this.#path, 'state') };
  }

  /** Copies of a build's logs. They exist only if the captured appliance built a template. */
  get logs(): LogFiles {
    return { build: join(this.#path, 'build.log'), console: join(this.#path, 'console.log') };
  }

  async writeDesired(desired: DesiredSeal): Promise<void> {
    await makeDirectory(this.#path);
    await writeJsonDurably(join(this.#path, 'desired.json'), desired);
  }

  readDesired(): Promise<unknown> {
    return readJsonIfThere(join(this.#path, 'desired.json'));
  }

  writeCaptured(captured: Captured): Promise<void> {
    return writeJsonDurably(join(this.#path, 'captured.json'), captured);
  }

  async readCaptured(): Promise<Captured | undefined> {
    return (await readJsonIfThere(join(this.#path, 'captured.json'))) as Captured | undefined;
  }

  /** From now on the captured files are not needed. */
  async writeSealed(sealed: SealRecord): Promise<void> {
    await writeJsonDurably(join(this.#path, 'sealed.json'), sealed);
    await this.discardCaptured();
  }

  async readSealed(): Promise<SealRecord | undefined> {
    return (await readJsonIfThere(join(this.#path, 'sealed.json'))) as SealRecord | undefined;
  }

  async discardCaptured(): Promise<void> {
    for (const path of Object.values(this.targets))
      for (const name of [path, sourceOf(path)]) await rm(name, { force: true });
    for (const path of Object.values(this.checkpoint)) await rm(path, { recursive: true, force: true });
    for (const path of Object.values(this.logs)) await rm(path, { force: true });
  }

  async remove(): Promise<void> {
    await removeDirectory(this.#path, SEAL_DELETING_SUFFIX);
  }
}
