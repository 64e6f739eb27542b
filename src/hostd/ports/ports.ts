import { createServer } from 'node:net';
import { own, setOwn } from '../../base/own.ts';
import type { PortRequest } from '../../host/protocol.ts';
import { codeOf, hostErrors } from '../errors/index.ts';
import type { Lock } from '../files/file-lock.ts';
import { describePortHolder } from './port-holder.ts';
import { tryPortLock } from './port-lock.ts';

/** Port name → host port. */
export type PortMap = Readonly<Record<string, number>>;

/** The owner of ports; messages use the `label`, within the namespace. */
export type PortOwner = { readonly uuid: string; readonly namespace: string; readonly label: string };

type Claim = { readonly owner: PortOwner; readonly lock: Lock | undefined };

export type PortRange = { readonly first: number; readonly last: number };

/** VMs' forwarded ports can be reached from this machine only. */
export const FORWARD_ADDRESS = '127.0.0.1';

/**
 * The host ports of all appliances. A port is claimed from its reservation until the appliance is deleted: within this daemon by the
 * map, among the daemons of the machine by a lock, and among all other programs by binding it once.
 */
export class PortRegistry {
  readonly #claims = new Map<number, Claim>();
  readonly #range: PortRange;
  readonly #random: () => number;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: { readonly range: PortRange; readonly random: () => number }) {
    this.#range = options.range;
    this.#random = options.random;
  }

  /** Claims recorded ports at the daemon's start. They are not bound, because the VM may be running on them. */
  adopt(owner: PortOwner, ports: PortMap): Promise<void> {
    return this.#inTurn(async () => {
      for (const port of Object.values(ports)) {
        if (this.#claims.has(port)) continue;
        this.#claims.set(port, { owner, lock: await tryPortLock(port) });
      }
    });
  }

  /**
   * Claims a port for each request: the requested one, else the one in `known`, else any free one. All or none. Rejects with
   * `PortInUse`, which names the holder, or with `NoFreePort`.
   */
  reserve(owner: PortOwner, requests: readonly PortRequest[], known: PortMap): Promise<PortMap> {
    return this.#inTurn(async () => {
      const before = new Set(this.#claims.keys());
      const ports: Record<string, number> = {};
      try {
        for (const request of requests) {
          const wanted = request.hostPort ?? own(known, request.name);
          if (wanted === undefined) setOwn(ports, request.name, await this.#claimAny(owner));
          else {
            await this.#claim(owner, wanted);
            setOwn(ports, request.name, wanted);
          }
        }
        return ports;
      } catch (error) {
        await this.#releaseWhere((port, claim) => claim.owner.uuid === owner.uuid && !before.has(port));
        throw error;
      }
    });
  }

  /** Rejects with `PortInUse` unless a VM can be started on these ports now. */
  verifyFree(owner: PortOwner, ports: PortMap): Promise<void> {
    return this.#inTurn(async () => {
      for (const port of Object.values(ports)) {
        const claim = this.#claims.get(port);
        if (claim?.owner.uuid === owner.uuid && claim.lock === undefined) this.#claims.delete(port);
        await this.#claim(owner, port);
        if (!(await canBind(port))) throw hostErrors.portInUse(port, await describePortHolder(port));
      }
    });
  }

  release(uuid: string): Promise<void> {
    return this.#inTurn(() => this.#releaseWhere((_, claim) => claim.owner.uuid === uuid));
  }

  close(): Promise<void> {
    return this.#inTurn(() => this.#releaseWhere(() => true));
  }

  async #claim(owner: PortOwner, port: number): Promise<void> {
    const holder = this.#claims.get(port);
    if (holder?.owner.uuid === owner.uuid) return;
    if (holder !== undefined) throw hostErrors.portInUse(port, nameFor(owner, holder.owner));
    const lock = await tryPortLock(port);
    if (lock === undefined)
      throw hostErrors.portInUse(port, 'an appliance of another daemon on this machine');
    if (!(await canBind(port))) {
      await lock.release();
      throw hostErrors.portInUse(port, await describePortHolder(port));
    }
    this.#claims.set(port, { owner, lock });
  }

  /** Starts at a random port, so that daemons on one machine rarely try the same ports. */
  async #claimAny(owner: PortOwner): Promise<number> {
    const { first, last } = this.#range;
    const size = last - first + 1;
    const start = Math.floor(this.#random() * size);
    for (let step = 0; step < size; step += 1) {
      const port = first + ((start + step) % size);
      if (this.#claims.has(port)) continue;
      const lock = await tryPortLock(port);
      if (lock === undefined) continue;
      if (await canBind(port)) {
        this.#claims.set(port, { owner, lock });
        return port;
      }
      await lock.release();
    }
    throw hostErrors.noFreePort(first, last);
  }

  async #releaseWhere(which: (port: number, claim: Claim) => boolean): Promise<void> {
    for (const [port, claim] of [...this.#claims]) {
      if (!which(port, claim)) continue;
      this.#claims.delete(port);
      await claim.lock?.release();
    }
  }

  /** One operation at a time: two simultaneous searches would find the same free port. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work, work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

/** Nobody receives the names of another namespace. */
function nameFor(reader: PortOwner, owner: PortOwner): string {
  return owner.namespace === reader.namespace ? owner.label : 'an appliance of another namespace';
}

async function canBind(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: FORWARD_ADDRESS, port, exclusive: true }, resolve);
    });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EADDRINUSE' || codeOf(error) === 'EACCES') return false;
    throw error;
  } finally {
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
  }
}
