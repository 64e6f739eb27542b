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
  /** An appliance may not need its package any more. */
  readonly onLetGo: () => void;
  /** An appliance came to stand on these layers, or does so no longer. */
  readonly onHold: (sha256s: readonly string[]) => void;
};

/** All appliances of this host, by uuid. */
export class ApplianceManager {
  readonly #options: ManagerOptions;
  readonly #validators = createStateValidators();
  readonly #runners = new Map<string, ApplianceRunner>();
  /** What was last told of each, so that nothing is told twice. */
  readonly #told = new Map<string, ApplianceStatus>();
  /** Requests for one appliance come one after the other. */
  readonly #turns = new KeyedMutex();
  #closing = false;

  constructor(options: ManagerOptions) {
    this.#options = options;
  }

  /** Takes up what the directory holds; nothing runs before `start`. */
  async open(): Promise<void> {
    const { root, host } = this.#options;
    for (const uuid of await scanAppliances(root, host.log)) this.#add(uuid);
    await Promise.all([...this.#runners.values()].map((runner) => runner.load()));
  }

  start(): void {
    for (const runner of this.#runners.values()) runner.start();
  }

  /**
   * Takes a desired appliance: written down first, then worked on. Rejects with `OlderGeneration`, `Immutable` or
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
      if (!isDeepStrictEqual(before, desired.service.package)) this.#options.onLetGo();
      return known.status();
    });
  }

  get(uuid: string): ApplianceStatus | undefined {
    return this.#runners.get(uuid)?.status();
  }

  list(): readonly ApplianceStatus[] {
    return [...this.#runners.values()].map((runner) => runner.status());
  }

  /** The wish is on disk when this resolves; it is gone when `get` finds nothing. Rejects when there is none. */
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

  directoryOf(uuid: string): ApplianceDirectory | undefined {
    return this.#runners.get(uuid)?.directory;
  }

  /** Who stands on a layer. One whose wish cannot be read may stand on any. */
  holders(sha256: string): readonly string[] {
    return [...this.#runners.values()]
      .filter(({ desired }) => desired === undefined || layersOf(desired).includes(sha256))
      .map(({ uuid }) => uuid);
  }

  /** sha256 of the packages that appliances here are installed from. */
  packages(): ReadonlySet<string> {
    const packages = [...this.#runners.values()].map(({ desired }) => desired?.service.package);
    return new Set(packages.flatMap((each) => (each?.kind === 'archive' ? [each.sha256] : [])));
  }

  get count(): number {
    return this.#runners.size;
  }

  /** The VMs that were there when they were last looked at. */
  vms(): readonly VmObservation[] {
    return [...this.#runners.values()].flatMap(({ vm }) => (vm === undefined ? [] : [vm]));
  }

  /** A layer changed: who waited for it goes on at once. */
  layerChanged(sha256: string): void {
    for (const runner of this.#runners.values()) {
      if (runner.desired !== undefined && layersOf(runner.desired).includes(sha256)) runner.nudge();
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
    this.#tell(runner);
    this.#options.onHold(layersOf(desired));
    return runner.status();
  }

  #add(uuid: string): ApplianceRunner {
    const { root, host } = this.#options;
    const directory = new ApplianceDirectory(root, uuid, this.#validators);
    const runner = new ApplianceRunner(directory, host, {
      onChange: (changed) => this.#tell(changed),
      onGone: (gone) => this.#gone(gone),
    });
    this.#runners.set(uuid, runner);
    return runner;
  }

  #tell(runner: ApplianceRunner): void {
    if (this.#runners.get(runner.uuid) !== runner) return;
    const status = runner.status();
    if (isDeepStrictEqual(timeless(status), this.#told.get(runner.uuid))) return;
    this.#told.set(runner.uuid, timeless(status));
    this.#options.onChange(status);
  }

  #gone(runner: ApplianceRunner): void {
    this.#runners.delete(runner.uuid);
    this.#told.delete(runner.uuid);
    this.#options.onGone(runner.uuid);
    this.#options.onLetGo();
    if (runner.desired !== undefined) this.#options.onHold(layersOf(runner.desired));
  }
}

/** The first two name its VM's domain and folder; a change of the others needs another disk or another VM. */
const FIXED = ['namespace', 'name', ...VM_FIELDS] as const;

/** Throws unless `next` may take the place of `known`: no older generation, nothing of what it is made of. */
export function checkChange(known: DesiredAppliance, next: DesiredAppliance): void {
  if (next.generation < known.generation) {
    throw hostErrors.olderGeneration(known.uuid, known.generation, next.generation);
  }
  const changed = FIXED.find((field) => !isDeepStrictEqual(known[field], next[field]));
  if (changed !== undefined) throw hostErrors.immutable(known.uuid, changed);
}

/** The status without what changes by itself: the seconds of a running step, and the disk's growth. */
function timeless(status: ApplianceStatus): ApplianceStatus {
  const { diskBytes: _, ...rest } = status;
  const steps = status.steps.map((step) => (step.state === 'Running' ? { ...step, seconds: 0 } : step));
  return { ...rest, steps };
}
