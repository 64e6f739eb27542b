import { dump } from 'js-yaml';
import { EXTENSION_SERVER_NAME } from '../../apiserver/extension/pass-on.ts';
import { own } from '../../base/own.ts';
import { hostServerName, OPERATOR_ORGANIZATION } from '../../host/protocol.ts';
import { readFileIfThere, writeFileAtomically } from '../atomic-files.ts';
import { ensurePki, type StoredKeyPair } from '../pki.ts';
import type { Layout } from './layout.ts';
import type { Settings } from './settings.ts';

type CertificateFiles = { readonly certFile: string; readonly keyFile: string };

/**
 * The certificates of a local Coppice. API server, daemons and streams have separate authorities, so that a daemon's certificate is not
 * accepted by the API server, nor one of the API's users by a daemon, nor either for the API server that names a stream's user.
 */
export type Credentials = {
  readonly api: { readonly server: CertificateFiles; readonly clientCa: string };
  /** Of the operator as the server of streams, and of the API server as the front proxy before it. */
  readonly streams: {
    readonly ca: string;
    readonly server: CertificateFiles;
    readonly frontProxy: CertificateFiles;
  };
  readonly hosts: {
    readonly ca: string;
    readonly operator: CertificateFiles;
    daemon(host: string): CertificateFiles;
  };
};

const DAEMON = 'daemon-';

/**
 * Creates the certificates that are missing, renews those that are about to expire, and writes the kubeconfig.
 * @param now milliseconds since the epoch
 */
export async function ensureCredentials(
  layout: Layout,
  settings: Settings,
  now: number,
): Promise<Credentials> {
  const api = await ensurePki(layout.apiPki, {
    caCommonName: 'coppice-api',
    certificates: {
      server: { commonName: 'coppice-api', ips: ['127.0.0.1'], dnsNames: ['localhost'], usage: 'server' },
      admin: { commonName: 'admin', organizations: ['system:masters'], usage: 'client' },
    },
    now,
  });
  const daemons = Object.keys(settings.hosts).map(
    (host) =>
      [
        `${DAEMON}${host}`,
        { commonName: host, ips: ['127.0.0.1'], dnsNames: [hostServerName(host)], usage: 'both' },
      ] as const,
  );
  const hosts = await ensurePki<string>(layout.hostPki, {
    caCommonName: 'coppice-hosts',
    certificates: {
      operator: { commonName: 'coppice-operator', organizations: [OPERATOR_ORGANIZATION], usage: 'client' },
      ...Object.fromEntries(daemons),
    },
    now,
  });
  const streams = await ensurePki(layout.streamsPki, {
    caCommonName: 'coppice-streams',
    certificates: {
      server: { commonName: 'coppice-operator', dnsNames: [EXTENSION_SERVER_NAME], usage: 'server' },
      'front-proxy': { commonName: 'front-proxy', usage: 'client' },
    },
    now,
  });
  await writeKubeconfig(layout, settings, api.ca, api.certificates.admin);
  return {
    api: { server: filesOf(api.certificates.server), clientCa: api.ca.certPath },
    streams: {
      ca: streams.ca.certPath,
      server: filesOf(streams.certificates.server),
      frontProxy: filesOf(streams.certificates['front-proxy']),
    },
    hosts: {
      ca: hosts.ca.certPath,
      operator: filesOf(hosts.certificates.operator),
      daemon: (host) => filesOf(own(hosts.certificates, `${DAEMON}${host}`)),
    },
  };
}

function filesOf(pair: StoredKeyPair | undefined): CertificateFiles {
  if (pair === undefined) throw new Error('this certificate was never issued');
  return { certFile: pair.certPath, keyFile: pair.keyPath };
}

async function writeKubeconfig(
  layout: Layout,
  settings: Settings,
  ca: StoredKeyPair,
  admin: StoredKeyPair,
): Promise<void> {
  const base64 = (pem: string) => Buffer.from(pem).toString('base64');
  const text = dump({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'coppice',
    clusters: [
      {
        name: 'coppice',
        cluster: {
          server: `https://127.0.0.1:${settings.apiPort}`,
          'certificate-authority-data': base64(ca.cert),
        },
      },
    ],
    users: [
      {
        name: 'admin',
        user: { 'client-certificate-data': base64(admin.cert), 'client-key-data': base64(admin.key) },
      },
    ],
    contexts: [{ name: 'coppice', context: { cluster: 'coppice', user: 'admin', namespace: 'default' } }],
  });
  if ((await readFileIfThere(layout.kubeconfig)) === text) return;
  await writeFileAtomically(layout.kubeconfig, text, 0o600);
}
