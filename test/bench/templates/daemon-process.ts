/** A host's daemon with QEMU's driver, in a process of its own. It needs no VM, and none is started. */
import { tmpdir } from 'node:os';
import { pino } from 'pino';
import type { HostDaemon } from '../../../src/hostd/daemon.ts';
import { runHostd } from '../../../src/main/hostd.ts';
import { answerParent } from '../scale/parts.ts';

export interface DaemonPlan {
  readonly name: string;
  readonly stateDir: string;
  readonly tls: { readonly cert: string; readonly key: string; readonly clientCa: string };
}

export interface DaemonCalls {
  /** Resolves with the address at which it serves. */
  start: (plan: DaemonPlan) => Promise<string>;
}

let daemon: HostDaemon | undefined;

answerParent<DaemonCalls>(
  {
    start: async (plan) => {
      daemon = await runHostd({
        ...plan,
        listen: { host: '127.0.0.1', port: 0 },
        driver: 'qemu',
        capacity: {},
        fileRoots: [tmpdir()],
        log: pino({ level: 'error' }, pino.destination(2)),
      });
      return daemon.url;
    },
  },
  async () => {
    await daemon?.close();
  },
);
