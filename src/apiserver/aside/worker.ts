import { Worker } from 'node:worker_threads';
import type { Done, Job, Outcome, Posted, WorkerSetup } from './messages.ts';

/** A worker without a job is ended after this time, because it takes about 60 MiB of memory. */
const IDLE_MS = 60_000;

/** The worker's program: beside this file among the sources, beside the bundle in a release. */
const PROGRAM = import.meta.filename.endsWith('.ts') ? './program.ts' : './api-worker.js';

type Waiting = PromiseWithResolvers<Outcome>;

/** A thread for long work, which is there while it is needed. Jobs are done one after the other. */
export class WorkerThread {
  readonly #setup: WorkerSetup;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #nextId = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor(setup: WorkerSetup) {
    this.#setup = setup;
  }

  /** Rejects when the worker dies of the job, for example since its memory is used up; the next job gets another worker. */
  async do(job: Job): Promise<Outcome> {
    clearTimeout(this.#idle);
    this.#worker ??= this.#start();
    const id = this.#nextId++;
    const waiting = Promise.withResolvers<Outcome>();
    this.#waiting.set(id, waiting);
    this.#worker.postMessage({ id, job } satisfies Posted);
    return await waiting.promise;
  }

  /** Ends the worker; what waits for it fails. */
  async close(): Promise<void> {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    this.#fail(new Error('the worker was ended'));
    await worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(new URL(PROGRAM, import.meta.url), { workerData: this.#setup });
    worker.unref();
    let problem: unknown = new Error('the worker ended');
    worker.on('message', ({ id, outcome }: Done) => this.#finish(id, outcome));
    worker.on('error', (error) => {
      problem = error;
    });
    worker.on('exit', () => {
      if (this.#worker === worker) this.#fail(problem);
    });
    return worker;
  }

  #finish(id: number, outcome: Outcome): void {
    this.#waiting.get(id)?.resolve(outcome);
    this.#waiting.delete(id);
    if (this.#waiting.size > 0) return;
    this.#idle = setTimeout(() => void this.close(), IDLE_MS);
    this.#idle.unref();
  }

  #fail(problem: unknown): void {
    this.#worker = undefined;
    for (const { reject } of this.#waiting.values()) reject(problem);
    this.#waiting.clear();
  }
}
