import { TEMPLATES, type Template } from '../../src/api/kinds.ts';
import { describeBytes } from '../../src/domain/quantity.ts';
import { listAll } from '../../src/kube/client/list-all.ts';
import { StalledError, TransientError } from '../../src/kube/controller/errors.ts';
import { done, type ReconcileResult, requeueAfter } from '../../src/kube/controller/outcome.ts';
import type { OperatorContext } from '../context.ts';
import { hostsInOrder } from '../daemons/copy-hosts.ts';
import { callDaemon } from '../daemons/daemon-errors.ts';
import { type HostView, importId } from '../daemons/view.ts';
import { BY_HOST } from '../indexes.ts';
import { hostStates } from '../obstacles/hosts.ts';
import { inParallel } from '../parallel.ts';
import { type ControllerDefinition, changesOf } from '../sources.ts';
import { Grace } from './grace.ts';
import { type Inventory, type Unneeded, unneededOn } from './unneeded.ts';

/** There is one key: a pass looks at all hosts, since what one needs depends on what others have. */
const PASS = 'pass';
const LONGEST_PAUSE_MS = 60_000;
const WIDTH = 16;

/**
 * Has hosts delete layers, imports and seals that nothing needed there for a while: what no template refers to, and copies of templates
 * that are more than their popularity asks for. Hosts refuse to delete what is in use.
 */
export function createLayerCleanupController(context: OperatorContext): ControllerDefinition {
  const { caches, timings } = context;
  const cleanup = new Cleanup(context);
  const pauseMs = Math.min(LONGEST_PAUSE_MS, timings.layerGraceMs / 4);
  return {
    name: 'layercleanup',
    concurrency: 1,
    sources: [
      changesOf(caches.hosts, (old) => (old === undefined ? [PASS] : [])),
      // These must be known whole before anything counts as unneeded; time alone starts a pass.
      changesOf(caches.templates, () => []),
      changesOf(caches.appliances, () => []),
    ],
    reconcile: (_key, signal) => cleanup.run(pauseMs, signal),
  };
}

class Cleanup {
  readonly #context: OperatorContext;
  readonly #grace: Grace;

  constructor(context: OperatorContext) {
    this.#context = context;
    this.#grace = new Grace(context.timings.layerGraceMs);
  }

  async run(pauseMs: number, signal: AbortSignal): Promise<ReconcileResult> {
    const { caches, client, clock } = this.#context;
    if (caches.hosts.list().length === 0) return done;
    const found = unneededOn(this.#inventory(caches.templates.list()));
    const due = this.#grace.see(found.flatMap(keysOf), clock.monotonic());
    if (due.size === 0) return requeueAfter(pauseMs);
    // The cache may be behind: what a template refers to that it does not show must not go.
    const { items } = await listAll(client, TEMPLATES, { signal });
    const now = unneededOn(this.#inventory(items)).map((one) => onlyDue(one, due));
    const some = now.filter(
      ({ seals, imports, layers }) => seals.length + imports.length + layers.length > 0,
    );
    await inParallel(some, WIDTH, (one) => this.#removeFrom(one, signal));
    return requeueAfter(pauseMs);
  }

  #inventory(templates: readonly Template[]): Inventory {
    const { caches, clock, log, views } = this.#context;
    const boundTo = (host: string) => caches.appliances.byIndex(BY_HOST, host);
    const hosts = caches.hosts.list();
    return {
      templates,
      appliances: caches.appliances.list(),
      hosts,
      views: views.list(),
      ranked: hostsInOrder(hosts, views, boundTo, log),
      now: clock.now(),
    };
  }

  /** What a host refuses does not keep the rest; the next pass asks again. */
  async #removeFrom({ host, seals, imports, layers }: Unneeded, signal: AbortSignal): Promise<void> {
    const { links, sharing, views } = this.#context;
    const daemon = links.client(host);
    if (daemon === undefined) return;
    for (const uuid of seals) await this.#try(host, daemon.deleteSeal(uuid, { signal }));
    for (const key of imports) await this.#try(host, daemon.deleteImport(key, { signal }));
    let [count, bytes] = [0, 0];
    for (const identity of layers) {
      const bytesGiven = givenBack(identity, host, views.list());
      if (!(await this.#try(host, daemon.deleteLayer(identity, { signal })))) continue;
      sharing.withdraw(identity, host);
      [count, bytes] = [count + 1, bytes + bytesGiven];
    }
    if (count > 0) this.#tell(host, count, bytes);
  }

  /** @returns whether the host did it */
  async #try(host: string, call: Promise<void>): Promise<boolean> {
    try {
      await callDaemon(call);
      return true;
    } catch (error) {
      if (!(error instanceof TransientError || error instanceof StalledError)) throw error;
      this.#context.log.warn({ err: error, host }, 'the host does not delete what nothing needs there');
      return false;
    }
  }

  #tell(name: string, layers: number, bytes: number): void {
    const host = this.#context.caches.hosts.get(name);
    if (host === undefined) return;
    const said = hostStates.layersRemoved(layers, describeBytes(bytes));
    this.#context.recorder.record(host, { type: 'Normal', ...said });
  }
}

/** What a host's deletion of a layer gives back: nothing, while others use the same file. */
function givenBack(identity: string, host: string, views: readonly HostView[]): number {
  const own = views.find(({ name }) => name === host)?.layers.get(identity);
  const isUsed = views.some(
    ({ name, layers }) =>
      name !== host && own?.shared !== undefined && layers.get(identity)?.shared === own.shared,
  );
  return isUsed ? 0 : (own?.storedBytes ?? 0);
}

function keysOf({ host, seals, imports, layers }: Unneeded): string[] {
  return [
    ...seals.map((uuid) => sealKeyOn(host, uuid)),
    ...imports.map((key) => importKeyOn(host, importId(key))),
    ...layers.map((id) => layerKeyOn(host, id)),
  ];
}

function onlyDue({ host, seals, imports, layers }: Unneeded, due: ReadonlySet<string>): Unneeded {
  return {
    host,
    seals: seals.filter((uuid) => due.has(sealKeyOn(host, uuid))),
    imports: imports.filter((key) => due.has(importKeyOn(host, importId(key)))),
    layers: layers.filter((identity) => due.has(layerKeyOn(host, identity))),
  };
}

function sealKeyOn(host: string, uuid: string): string {
  return `seal ${host}/${uuid}`;
}

function importKeyOn(host: string, id: string): string {
  return `import ${host}/${id}`;
}

function layerKeyOn(host: string, identity: string): string {
  return `layer ${host}/${identity}`;
}
