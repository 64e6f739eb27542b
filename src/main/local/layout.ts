import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** The files and folders of one local Coppice. It has no others. */
export type Layout = {
  readonly root: string;
  /** Key and certificates of the API server and its users. */
  readonly apiPki: string;
  /** Key and certificates of the host daemons and of their clients. */
  readonly hostPki: string;
  /** Key and certificates of the server of streams, and of the API server as its client. */
  readonly streamsPki: string;
  readonly apiStorage: string;
  /** For kubectl to reach the embedded API server. */
  readonly kubeconfig: string;
  /** What must stay the same at every start: ports, number of hosts, driver. */
  readonly settings: string;
  /** Locked by the command that starts or stops parts. */
  readonly commandLock: string;
  /** Locked by the supervisor while it works. */
  readonly supervisorLock: string;
  readonly guests: string;
  readonly run: string;
  readonly logs: string;
  hostState(host: string): string;
};

/** `--data-dir`, else `COPPICE_DATA_DIR`, else the user's data folder. */
export function defaultDataDir(env: NodeJS.ProcessEnv): string {
  const base = env.XDG_DATA_HOME ?? join(homedir(), '.local', 'share');
  return env.COPPICE_DATA_DIR ?? join(base, 'coppice');
}

export function layoutOf(dataDir: string): Layout {
  const root = resolve(dataDir);
  return {
    root,
    apiPki: join(root, 'pki', 'api'),
    hostPki: join(root, 'pki', 'hosts'),
    streamsPki: join(root, 'pki', 'streams'),
    apiStorage: join(root, 'api', 'objects.sqlite'),
    kubeconfig: join(root, 'kubeconfig'),
    settings: join(root, 'settings.json'),
    commandLock: join(root, 'command.lock'),
    supervisorLock: join(root, 'run', 'supervisor.lock'),
    guests: join(root, 'guests'),
    run: join(root, 'run'),
    logs: join(root, 'logs'),
    hostState: (host) => join(root, 'hosts', host),
  };
}
