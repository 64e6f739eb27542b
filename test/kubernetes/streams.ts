import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SUBRESOURCES_GROUP, SUBRESOURCES_VERSION } from '../../src/api/subresources.ts';
import { EXTENSION_SERVER_NAME, type Extension } from '../../src/apiserver/extension/pass-on.ts';
import type { KubeObject } from '../../src/base/object.ts';
import type { KubeClient } from '../../src/kube/client/client.ts';
import type { StreamsConfig } from '../../src/main/operator-streams.ts';
import { OBJECT_NAMES } from '../../src/main/permissions.ts';
import { ensurePki, type Pki } from '../../src/main/pki.ts';
import { freePorts } from './processes.ts';

/** A place for an operator to serve streams: its port, and the certificates of both sides. */
export interface StreamsServer {
  readonly port: number;
  readonly pki: Pki<'server' | 'front-proxy'>;
}

const SERVICE = { namespace: 'default', name: 'streams' };
/** By which kube-apiserver knows whom it has reached. */
export const STREAMS_SERVICE_NAME = `${SERVICE.name}.${SERVICE.namespace}.svc`;

export async function streamsServer(): Promise<StreamsServer> {
  const [port = 0] = await freePorts(1);
  const dnsNames = [EXTENSION_SERVER_NAME, STREAMS_SERVICE_NAME];
  const folder = await mkdtemp(join(tmpdir(), 'coppice-streams-'));
  try {
    const pki = await ensurePki(folder, {
      caCommonName: 'test-streams',
      now: Date.now(),
      certificates: {
        server: { commonName: 'operator', dnsNames, ips: ['127.0.0.1'], usage: 'server' },
        'front-proxy': { commonName: 'front-proxy', usage: 'client' },
      },
    });
    return { port, pki };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** What an operator starts with to serve there. */
export function servingAt({ port, pki }: StreamsServer): StreamsConfig {
  const { cert, key } = pki.certificates.server;
  return { listen: { host: '127.0.0.1', port }, identity: { cert, key } };
}

/** What the embedded API server starts with. */
export function extensionOf(streams: StreamsServer | undefined): Extension | undefined {
  if (streams === undefined) return undefined;
  const { ca, certificates } = streams.pki;
  const { cert, key } = certificates['front-proxy'];
  return { url: `https://127.0.0.1:${streams.port}`, tls: async () => ({ ca: ca.cert, cert, key }) };
}

/**
 * Registers it with kube-apiserver. The Service is no more than a name: there is no network of pods.
 * @param client an administrator's
 */
export async function aggregate(
  client: KubeClient,
  { port, ca }: { readonly port: number; readonly ca?: string },
): Promise<void> {
  const core = { group: '', version: 'v1', plural: 'services', kind: 'Service', namespaced: true } as const;
  const service = { type: 'ExternalName', externalName: 'localhost', ports: [{ port }] };
  await client.create(core, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: SERVICE,
    spec: service,
  } as KubeObject);
  const group = 'apiregistration.k8s.io';
  const ref = { group, version: 'v1', plural: 'apiservices', kind: 'APIService', namespaced: false } as const;
  const spec = {
    group: SUBRESOURCES_GROUP,
    version: SUBRESOURCES_VERSION,
    ...{ groupPriorityMinimum: 1000, versionPriority: 15 },
    service: { ...SERVICE, port },
    ...(ca === undefined ? {} : { caBundle: Buffer.from(ca).toString('base64') }),
  };
  const metadata = { name: OBJECT_NAMES.apiService };
  await client.create(ref, { apiVersion: `${group}/v1`, kind: 'APIService', metadata, spec } as KubeObject);
}
