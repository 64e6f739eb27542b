/** The program of the worker that carries out long jobs. */

import { parentPort, workerData } from 'node:worker_threads';
import { Carrier } from './carry-out.ts';
import type { Done, Posted, WorkerSetup } from './messages.ts';

const carrier = new Carrier(workerData as WorkerSetup);

parentPort?.on('message', ({ id, job }: Posted) => {
  parentPort?.postMessage({ id, outcome: carrier.carryOut(job) } satisfies Done);
});
