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
  concerned(changes: readonly Change[]): string[];
  reconcile(key: string): void;
}

/** What the server does by itself: definitions, namespaces, garbage, old events and old history. */
export class Upkeep {
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

  /** Serves the definitions in the store, then begins to look after everything. */
  start(): void {
    this.#definitions.start();
    this.#unsubscribes.push(
      this.#backend.store.subscribe((changes) => {
        // At once: who was told that a definition is there may use it with the next request.
        for (const key of this.#definitions.concerned(changes)) {
          this.#guarded('definition', key, () => this.#definitions.reconcile(key));
        }
      }),
    );
    const collector = new GarbageCollector(this.#backend);
    const garbage = this.#run('garbage', collector);
    const namespaces = this.#run('namespace', new NamespaceController(this.#backend));
    const aggregated = new AggregatedRoles(this.#backend);
    const roles = this.#run('aggregated role', aggregated);
    // Over and over, so that what failed once (a full disk) is taken up again.
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
      this.#log.error({ key, err: error }, `${name} upkeep failed`);
    const queue = new WorkQueue((key) => controller.reconcile(key), failed);
    this.#queues.push(queue);
    const unsubscribe = this.#backend.store.subscribe((changes) => {
      for (const key of controller.concerned(changes)) queue.add(key);
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
