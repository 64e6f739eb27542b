import type { Logger } from 'pino';
import { NAMESPACES } from '../core-kinds/cluster.ts';
import type { Backend } from '../handlers/context.ts';
import type { Change } from '../storage/store.ts';
import { AggregatedRoles } from './aggregated-roles.ts';
import { DefinitionController } from './definitions.ts';
import { expireEvents } from './event-expiry.ts';
import { GarbageCollector } from './garbage-collector.ts';
import { NamespaceController } from './namespaces.ts';
import { WorkQueue } from './work-queue.ts';

const MINUTE_MS = 60 * 1000;

interface Controller {
  affectedBy(changes: readonly Change[]): string[];
  reconcile(key: string): void;
}

/** Runs the server's own controllers: definitions, namespaces, garbage collection, aggregated roles; expires events and history. */
export class ControllerManager {
  readonly #backend: Backend;
  readonly #log: Logger;
  readonly #definitions: DefinitionController;
  readonly #queues: WorkQueue[] = [];
  readonly #unsubscribes: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(backend: Backend, log: Logger, ended: (bucket: string) => void) {
    this.#backend = backend;
    this.#log = log;
    this.#definitions = new DefinitionController(backend, ended);
  }

  /** Serves the definitions in the store, then starts the controllers. */
  start(): void {
    this.#definitions.start();
    this.#unsubscribes.push(
      this.#backend.store.subscribe((changes) => {
        // Synchronously: a client that saw the definition may use it with its next request.
        for (const key of this.#definitions.affectedBy(changes)) {
          this.#guarded('definition', key, () => this.#definitions.reconcile(key));
        }
      }),
    );
    const collector = new GarbageCollector(this.#backend);
    const garbage = this.#run('garbage', collector);
    const namespaces = this.#run('namespace', new NamespaceController(this.#backend));
    const aggregated = new AggregatedRoles(this.#backend);
    const roles = this.#run('aggregated role', aggregated);
    // Periodically, so that work that failed (on a full disk, for example) is retried.
    const sweep = (): void => {
      for (const id of collector.index()) garbage.add(id);
      for (const { key } of this.#backend.store.list(NAMESPACES, '')) namespaces.add(key);
      for (const name of aggregated.all()) roles.add(name);
      this.#minutely();
    };
    sweep();
    this.#timer = setInterval(sweep, MINUTE_MS);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
    for (const unsubscribe of this.#unsubscribes) unsubscribe();
    for (const queue of this.#queues) queue.close();
  }

  #run(name: string, controller: Controller): WorkQueue {
    const failed = (key: string, error: unknown): void =>
      this.#log.error({ key, err: error }, `${name} controller failed`);
    const queue = new WorkQueue((key) => controller.reconcile(key), failed);
    this.#queues.push(queue);
    const unsubscribe = this.#backend.store.subscribe((changes) => {
      for (const key of controller.affectedBy(changes)) queue.add(key);
    });
    this.#unsubscribes.push(unsubscribe);
    return queue;
  }

  #minutely(): void {
    this.#guarded('event expiry', '', () => expireEvents(this.#backend));
    this.#guarded('compaction', '', () => this.#backend.store.compact());
  }

  #guarded(what: string, key: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#log.error({ key, err: error }, `${what} failed`);
    }
  }
}
