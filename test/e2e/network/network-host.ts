import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type {
  ApplianceStatus,
  DesiredAppliance,
  DesiredImport,
  HostStatus,
  ImportStatus,
} from '../../../src/host/protocol.ts';
import { type Certificates, eventually } from '../../integration/hostd/fixtures.ts';
import { bundled } from '../../programs.ts';
import { BRIDGE, type Namespace } from './lan.ts';

const DAEMON = await bundled(new URL('daemon.ts', import.meta.url));
/** Emulated guests on a busy machine. */
const PATIENCE_MS = 550_000;
const LONGEST_PAUSE_MS = 250;

type Call =
  | { readonly call: 'getHost' }
  | { readonly call: 'getAppliance' | 'deleteAppliance' | 'fetch'; readonly argument: string }
  | { readonly call: 'putAppliance'; readonly argument: DesiredAppliance }
  | { readonly call: 'putImport'; readonly argument: readonly [sha256: string, desired: DesiredImport] };

export type Question = Call & { readonly id: number };
export type Answer = { readonly id: number; readonly result?: unknown; readonly failure?: string };

export type NetworkHostOptions = {
  readonly namespace: Namespace;
  /** For its state and its configuration. */
  readonly directory: string;
  readonly certificates: Certificates;
  readonly fileRoots: readonly string[];
};

/** A host's daemon as a process in a network namespace, that can be killed and started again. */
export class NetworkHost {
  readonly namespace: Namespace;
  readonly stateDirectory: string;
  readonly #options: NetworkHostOptions;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #process: ChildProcess | undefined;
  #lastId = 0;

  constructor(options: NetworkHostOptions) {
    this.#options = options;
    this.namespace = options.namespace;
    this.stateDirectory = join(options.directory, 'state');
  }

  async start(): Promise<void> {
    const { namespace, directory, certificates, fileRoots } = this.#options;
    const settings = join(directory, 'settings.json');
    await writeFile(settings, JSON.stringify({ certificates, bridge: BRIDGE, fileRoots }));
    // Not `ip netns exec`, which would mount another /sys over the host's.
    const argv = [
      `--net=/run/netns/${namespace.name}`,
      process.execPath,
      DAEMON,
      this.stateDirectory,
      settings,
    ];
    const child = spawn('nsenter', argv, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#process = child;
    const ready = new Promise<Answer>((resolve) => this.#waiting.set(0, resolve));
    child.on('message', (answer: Answer) => {
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    });
    const ended = once(child, 'exit').then(() => Promise.reject(new Error('the daemon ended')));
    await Promise.race([ready, ended]);
    ended.catch(() => undefined);
  }

  /** SIGKILL; its VMs live on. Not running: done. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  getHost(): Promise<HostStatus> {
    return this.#ask<HostStatus>({ call: 'getHost' });
  }

  getAppliance(uuid: string): Promise<ApplianceStatus | undefined> {
    return this.#ask<ApplianceStatus | undefined>({ call: 'getAppliance', argument: uuid });
  }

  putImport(sha256: string, desired: DesiredImport): Promise<ImportStatus> {
    return this.#ask<ImportStatus>({ call: 'putImport', argument: [sha256, desired] });
  }

  async putAppliance(desired: DesiredAppliance): Promise<void> {
    await this.#ask({ call: 'putAppliance', argument: desired });
  }

  /** Resolves when it is gone. */
  async deleteAppliance(uuid: string): Promise<void> {
    await this.#ask({ call: 'deleteAppliance', argument: uuid });
    const isGone = async () => (await this.getAppliance(uuid)) === undefined;
    await eventually(isGone, () => this.getAppliance(uuid), PATIENCE_MS, LONGEST_PAUSE_MS);
  }

  /** What this host gets from the address. */
  fetch(url: string): Promise<string> {
    return this.#ask<string>({ call: 'fetch', argument: url });
  }

  /** The appliance's status once it `holds`. */
  until(
    uuid: string,
    holds: (status: ApplianceStatus) => boolean,
    patienceMs = PATIENCE_MS,
  ): Promise<ApplianceStatus> {
    const look = async () => {
      const status = await this.getAppliance(uuid);
      return status !== undefined && holds(status) ? status : undefined;
    };
    return eventually(look, () => this.getAppliance(uuid), patienceMs, LONGEST_PAUSE_MS);
  }

  untilAvailable(uuid: string, patienceMs = PATIENCE_MS): Promise<ApplianceStatus> {
    return this.until(
      uuid,
      ({ serviceState, problem }) => serviceState === 'ServiceAvailable' && problem === undefined,
      patienceMs,
    );
  }

  untilProblem(uuid: string, reason: string): Promise<ApplianceStatus> {
    return this.until(uuid, ({ problem }) => problem?.reason === reason);
  }

  async #ask<T = void>(call: Call): Promise<T> {
    const child = this.#process;
    if (child === undefined) throw new Error('the daemon does not run');
    this.#lastId += 1;
    const id = this.#lastId;
    const answered = new Promise<Answer>((resolve) => this.#waiting.set(id, resolve));
    child.send({ ...call, id });
    const { result, failure } = await answered;
    if (failure !== undefined) throw new Error(`${call.call}: ${failure}`);
    return result as T;
  }
}
