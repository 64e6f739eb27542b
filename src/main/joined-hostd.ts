import { systemClock } from '../base/clock.ts';
import type { HostDaemon } from '../hostd/daemon.ts';
import { type JoinSource, keepIdentity, obtainIdentity } from './enrolment/keeper.ts';
import { type HostdConfig, runHostd } from './hostd.ts';

export type JoinedHostdConfig = Omit<HostdConfig, 'name' | 'tls'> & {
  /** If given, it must be the name in the certificate. */
  readonly name: string | undefined;
  /** How the host joins by itself; undefined for a host that has joined before. */
  readonly source: JoinSource | undefined;
};

/** A daemon whose certificate comes from the operator, and is renewed while it runs. */
export async function runJoinedHostd(config: JoinedHostdConfig, signal: AbortSignal): Promise<HostDaemon> {
  const { source, stateDir: stateDirectory, log } = config;
  const keeper = { stateDirectory, source, clock: systemClock, random: Math.random, log };
  const obtained = await obtainIdentity(keeper, signal);
  const { host } = obtained.identity;
  if (config.name !== undefined && config.name !== host) {
    throw new Error(
      `this host joined as ${host}, but --name is ${config.name}: leave --name out, or join as that host`,
    );
  }
  const daemon = await runHostd({ ...config, name: host, tls: obtained.identity });
  const stop = new AbortController();
  const keeping = keepIdentity(keeper, obtained, daemon.renewTls, stop.signal);
  return {
    ...daemon,
    close: async () => {
      stop.abort(new Error('the daemon is being closed'));
      await keeping;
      await daemon.close();
    },
  };
}
