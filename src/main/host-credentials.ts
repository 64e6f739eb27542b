import type { Logger } from 'pino';
import type { Clock } from '../base/clock.ts';
import type { KubeClient } from '../kube/client/client.ts';
import type { KeyPair } from './certificates.ts';
import { startEnrolment } from './enrolment/server.ts';
import { ensureHostAuthority, type HostTls, operatorTls } from './host-authority.ts';

export interface HostCredentialsOptions {
  /** Certificates for calls to the hosts' daemons; or the Secret with the hosts' authority, which is created if it does not exist. */
  readonly hostTls: HostTls | { readonly secret: { readonly namespace: string; readonly name: string } };
  /** Lets hosts join at `listen`: pods with this DaemonSet account, and hosts added by `coppice host add`. Needs the Secret. */
  readonly enrolment?: {
    readonly listen: { readonly host: string; readonly port: number };
    readonly daemonSetAccount: string;
  };
  readonly client: Pick<KubeClient, 'find' | 'get' | 'create' | 'patch'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The operator's credentials for calls to hosts, and the server where hosts join. */
export interface HostCredentials {
  /** The given certificates; or a new one by the authority in the Secret, with which hosts may join from then on. */
  obtain(signal: AbortSignal): Promise<HostTls>;
  /** What `obtain` gave last, and the authority in the Secret; undefined before that. */
  current(): { readonly tls: HostTls; readonly authority?: KeyPair } | undefined;
  /** Ends the server where hosts join. */
  close(): Promise<void>;
}

interface RunningEnrolment {
  readonly authority: KeyPair;
  close(): Promise<void>;
}

export function createHostCredentials(options: HostCredentialsOptions): HostCredentials {
  const { hostTls, enrolment, client, clock, log } = options;
  let running: RunningEnrolment | undefined;
  let current: ReturnType<HostCredentials['current']>;
  const close = async () => {
    await running?.close();
    running = undefined;
  };

  return {
    obtain: async (signal) => {
      if (!('secret' in hostTls)) {
        current = { tls: hostTls };
        return hostTls;
      }
      const authority = await ensureHostAuthority(client, hostTls.secret, clock.now(), signal);
      // The Secret was deleted and created again: certificates by the old authority are not accepted any more.
      if (running !== undefined && running.authority.cert !== authority.cert) await close();
      if (enrolment !== undefined && running === undefined) {
        const { listen, daemonSetAccount: daemonSet } = enrolment;
        const accounts = { namespace: hostTls.secret.namespace, daemonSet };
        const started = await startEnrolment({ listen, authority, accounts, client, clock, log });
        running = { authority, close: started.close };
      }
      const tls = await operatorTls(authority, clock.now());
      current = { tls, authority };
      return tls;
    },
    current: () => current,
    close,
  };
}
