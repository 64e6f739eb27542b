import { isDeepStrictEqual } from 'node:util';
import { instant } from '../../base/clock.ts';
import { KeyedMutex } from '../../base/keyed-mutex.ts';
import { VM_FIELDS } from '../../domain/vm-shape.ts';
import type { ApplianceStatus, DesiredAppliance } from '../../host/protocol.ts';
import type { VmObservation } from '../drivers/driver.ts';
import { hostErrors } from '../errors/index.ts';
import { ApplianceDirectory, createStateValidators } from '../state/appliance-directory.ts';
import { scanAppliances } from '../state/scan.ts';
import { ApplianceRunner } from './runner.ts';
import type { HostServices } from './scope.ts';
import { layersOf } from './steps/storage.ts';

export type ManagerOptions = {
  /** `<state>/appliances`. */
  readonly root: string;
  readonly host: HostServices;
  readonly onChange: (status: ApplianceStatus) => void;
  readonly onGone: (uuid: string) => void;
  /** A package may no longer be needed. */
  readonly onPackageReleased: () => void;
  /** An appliance started or stopped using these layers. */
  readonly onHoldersChanged: (identities: readonly string[]) => void;
};

/** All appliances of this host, by uuid. */
export class ApplianceManager {
  readonly #options: ManagerOptions;
  readonly #validators = createStateValidators();
  readonly #runners = new Map<string, ApplianceRunner>();
  /** The last published status of each, so that nothing is published twice. */
  readonly #published = new Map<string, ApplianceStatus>();
  /** Requests for one appliance are handled one after the other. */
  readonly #turns = new KeyedMutex();
  #closing = false;

  constructor(options: ManagerOptions) {
    this.#options = options;
  }

  /** Loads the appliances in the directory; nothing runs before `start`. */
  async open(): Promise<void> {
    const { root, host } = this.#options;
    for (const uuid of await scanAppliances(root, host.log)) this.#add(uuid);
    await Promise.all([...this.#runners.values()].map((runner) => runner.load()));
  }

  start(): void {
    for (const runner of this.#runners.values()) runner.start();
  }

  /**
   * Accepts a desired appliance: writes it to disk, then works on it. Rejects with `OlderGeneration`, `Immutable` or
   * `Deleting` (409).
   */
  put(desired: DesiredAppliance): Promise<ApplianceStatus> {
    return this.#turns.run(desired.uuid, async () => {
      if (this.#closing) throw hostErrors.stopping();
      const known = this.#runners.get(desired.uuid);
      if (known === undefined) return this.#create(desired);
      if (known.deleting) throw hostErrors.applianceDeleting(desired.uuid);
      if (known.desired !== undefined) {
        checkChange(known.desired, desired);
        if (isDeepStrictEqual(known.desired, desired)) return known.status();
      }
      const before = known.desired?.service.package;
      await known.directory.writeDesired(desired);
      known.change(desired);
      if (!isDeepStrictEqual(before, desired.service.package)) this.#options.onPackageReleased();
      return known.status();
    });
  }

  get(uuid: string): ApplianceStatus | undefined {
    return this.#runners.get(uuid)?.status();
  }

  list(): readonly ApplianceStatus[] {
    return [...this.#runners.values()].map((runner) => runner.status());
  }

  /**
   * Requests the deletion. The request is on disk when this resolves; the appliance is gone when `get` finds nothing.
   * Rejects with `NotFound` when there is no such appliance.
   */
  delete(uuid: string): Promise<ApplianceStatus> {
    return this.#turns.run(uuid, async () => {
      if (this.#closing) throw hostErrors.stopping();
      const runner = this.#runners.get(uuid);
      if (runner === undefined) throw hostErrors.noSuchAppliance(uuid);
      if (!runner.deleting) {
        await runner.directory.requestDeletion(instant(this.#options.host.clock.now()));
        runner.beginDeletion();
      }
      return runner.status();
    });
  }

  desiredOf(uuid: string): DesiredAppliance | undefined {
    return this.#runners.get(uuid)?.desired;
  }

  directoryOf(uuid: string): ApplianceDirectory | undefined {
    return this.#runners.get(uuid)?.directory;
  }

  /** An appliance that is here and stays, as far as its files can be read. */
  existing(uuid: string): { desired: DesiredAppliance; directory: ApplianceDirectory } | undefined {
    const { desired, directory, deleting = true } = this.#runners.get(uuid) ?? {};
    return deleting || desired === undefined || directory === undefined ? undefined : { desired, directory };
  }

  /** The uuids of the appliances that use a layer. One whose desired state cannot be read may use any. */
  holders(identity: string): readonly string[] {
    return [...this.#runners.values()]
      .filter(({ desired }) => desired === undefined || layersOf(desired).includes(identity))
      .map(({ uuid }) => uuid);
  }

  /** The sha256 of each file that an appliance here, or the agent in its guest, is installed or built from. */
  packages(): ReadonlySet<string> {
    const wanted = [...this.#runners.values()].flatMap(({ desired }) => {
      const service = desired?.service.package;
      const agent = desired?.cloudInit?.agentPackages ?? [];
      const copied = (desired?.build?.steps ?? []).flatMap((step) =>
        step.kind === 'copy' && step.content.kind === 'url' ? [step.content] : [],
      );
      const archive = service?.kind === 'archive' ? [service] : [];
      return [...archive, ...agent, ...copied].map(({ sha256 }) => sha256);
    });
    return new Set(wanted);
  }

  get count(): number {
    return this.#runners.size;
  }

  /** The VMs that existed when they were last inspected. */
  vms(): readonly VmObservation[] {
    return [...this.#runners.values()].flatMap(({ vm }) => (vm === undefined ? [] : [vm]));
  }

  /** A layer changed: appliances that wait for it try again at once. */
  layerChanged(identity: string): void {
    for (const runner of this.#runners.values()) {
      if (runner.desired !== undefined && layersOf(runner.desired).includes(identity)) runner.nudge();
    }
  }

  /** Ends the work, not the VMs. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#turns.idle();
    await Promise.all([...this.#runners.values()].map((runner) => runner.close()));
  }

  async #create(desired: DesiredAppliance): Promise<ApplianceStatus> {
    const directory = new ApplianceDirectory(this.#options.root, desired.uuid, this.#validators);
    await directory.create(desired);
    const runner = this.#add(desired.uuid);
    await runner.load();
    runner.start();
    this.#publish(runner);
    this.#options.onHoldersChanged(layersOf(desired));
    return runner.status();
  }

  #add(uuid: string): ApplianceRunner {
    const { root, host } = this.#options;
    const directory = new ApplianceDirectory(root, uuid, this.#validators);
    const runner = new ApplianceRunner(directory, host, {
      onChange: (changed) => this.#publish(changed),
      onGone: (gone) => this.#gone(gone),
    });
    this.#runners.set(uuid, runner);
    return runner;
  }

  #publish(runner: ApplianceRunner): void {
    if (this.#runners.get(runner.uuid) !== runner) return;
    const status = runner.status();
    if (isDeepStrictEqual(timeless(status), this.#published.get(runner.uuid))) return;
    this.#published.set(runner.uuid, timeless(status));
    this.#options.onChange(status);
  }

  #gone(runner: ApplianceRunner): void {
    this.#runners.delete(runner.uuid);
    this.#published.delete(runner.uuid);
    this.#options.onGone(runner.uuid);
    this.#options.onPackageReleased();
    if (runner.desired !== undefined) this.#options.onHoldersChanged(layersOf(runner.desired));
  }
}

/** The fields that cannot change. The first two name the VM's domain and folder; another value of the others would need another disk or another VM. */
const FIXED = ['namespace', 'name', ...VM_FIELDS] as const;

/** Throws unless `next` may replace `known`: it must not be of an older generation, change a fixed field, nor shrink the disk. */
export function checkChange(known: DesiredAppliance, next: DesiredAppliance): void {
  if (next.generation < known.generation) {
    throw hostErrors.olderGeneration(known.uuid, known.generation, next.generation);
  }
  const shape = (field: (typeof FIXED)[number], { disk, ...rest }: DesiredAppliance) =>
    field === 'disk'
      ? { mode: disk.mode, bus: disk.bus ?? 'virtio', dataLayer: disk.dataLayer }
      : rest[field];
  const changed = FIXED.find((field) => !isDeepStrictEqual(shape(field, known), shape(field, next)));
  if (changed !== undefined) throw hostErrors.immutable(known.uuid, changed);
  const [before = 0, after = before] = [known.disk.sizeBytes, next.disk.sizeBytes];
  if (after < before) throw hostErrors.diskShrinks(known.uuid, 'disk', before, after);
  const [had = 0, wanted = 0] = [known.disk.dataBytes, next.disk.dataBytes];
  if (wanted < had) throw hostErrors.diskShrinks(known.uuid, 'data disk', had, wanted);
}

/** The status without what changes all the time: the seconds of a running step, and the size of the disks. */
function timeless(status: ApplianceStatus): ApplianceStatus {
  const { diskBytes: _, dataDiskBytes: __, ...rest } = status;
  const steps = status.steps.map((step) => (step.state === 'Running' ? { ...step, seconds: 0 } : step));
  return { ...rest, steps };
}
