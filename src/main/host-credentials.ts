import type { Logger } from 'pino';
import type { Clock } from '../base/clock.ts';
import type { KubeClient } from '../kube/client/client.ts';
import type { KeyPair } from './certificates.ts';
import { startEnrolment } from './enrolment/server.ts';
import { ensureHostAuthority, type HostTls, operatorTls } from './host-authority.ts';

export interface HostCredentialsOptions {
  /** How to speak to the hosts' daemons: as told, or by their authority, which is in that Secret or is made there. */
  readonly hostTls: HostTls | { readonly secret: { readonly namespace: string; readonly name: string } };
  /** Let hosts join there, with an authority in a Secret: those of that DaemonSet's service account, and those that were added. */
  readonly enrolment?: {
    readonly listen: { readonly host: string; readonly port: number };
    readonly daemonSetAccount: string;
  };
  readonly client: Pick<KubeClient, 'find' | 'get' | 'create' | 'patch'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What an operator speaks to the hosts with, and what signs for those that join. */
export interface HostCredentials {
  /** What was given, or by the authority that the Secret has now, with which hosts may join from then on. */
  obtain(signal: AbortSignal): Promise<HostTls>;
  /** Nobody joins any more. */
  close(): Promise<void>;
}

interface RunningEnrolment {
  readonly authority: KeyPair;
  close(): Promise<void>;
}

export function createHostCredentials(options: HostCredentialsOptions): HostCredentials {
  const { hostTls, enrolment, client, clock, log } = options;
  let running: RunningEnrolment | undefined;
  const close = async () => {
    await running?.close();
    running = undefined;
  };

  return {
    obtain: async (signal) => {
      if (!('secret' in hostTls)) return hostTls;
      const authority = await ensureHostAuthority(client, hostTls.secret, clock.now(), signal);
      // The Secret was deleted and made anew: what the old authority signs, no daemon's caller accepts any more.
      if (running !== undefined && running.authority.cert !== authority.cert) await close();
      if (enrolment !== undefined && running === undefined) {
        const { listen, daemonSetAccount: daemonSet } = enrolment;
        const accounts = { namespace: hostTls.secret.namespace, daemonSet };
        const started = await startEnrolment({ listen, authority, accounts, client, clock, log });
        running = { authority, close: started.close };
      }
      return await operatorTls(authority, clock.now());
    },
    close,
  };
}
