import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { load } from 'js-yaml';
import type { Logger } from 'pino';
import { OWN_FOR_OTHERS, OWNED_KINDS } from '../api/ownership.ts';
import type { Extension } from '../apiserver/extension/pass-on.ts';
import { type ApiServer, startApiServer } from '../apiserver/server.ts';
import type { KubeObject } from '../apiserver/types.ts';
import { installedPath } from './installation.ts';
import { readTokenFile } from './token-file.ts';
import { userRoles } from './user-roles.ts';

type ApiConfig = {
  readonly listen: { readonly host: string; readonly port: number };
  readonly storagePath: string;
  /** PEM: the server's key and certificate, and the authority of the accepted client certificates. */
  readonly tls: { readonly key: string; readonly cert: string; readonly clientCa: string };
  /** Users with a bearer token instead of a certificate: a file in the format of kube-apiserver's --token-auth-file. */
  readonly tokenFile?: string;
  /** The operator, which serves streams behind this server. */
  readonly extension?: Extension;
  readonly log: Logger;
};

/** The embedded API server with the kinds of `crds/`, and with what users of the default roles may do with them. */
export async function runApi(config: ApiConfig): Promise<ApiServer> {
  const tokens = config.tokenFile === undefined ? [] : await readTokenFile(config.tokenFile);
  const crds = await readCrds();
  const server = await startApiServer({ ...config, tokens, crds, clusterRoles: clusterRolesFor(crds) });
  config.log.info({ url: server.url }, 'serving');
  return server;
}

/** As the chart has them, under names that a chart installed on this server does not use. */
function clusterRolesFor(crds: readonly KubeObject[]): readonly KubeObject[] {
  const roles = userRoles(crds).map(({ role, labels, rules }) => clusterRole(role, labels, rules));
  const resources = OWNED_KINDS.map(({ plural }) => plural);
  const forOthers = [{ apiGroups: ['coppice.dev'], resources, verbs: [OWN_FOR_OTHERS] }];
  return [...roles, clusterRole(OWN_FOR_OTHERS, {}, forOthers)];
}

function clusterRole(
  name: string,
  labels: Readonly<Record<string, string>>,
  rules: readonly object[],
): KubeObject & { rules: readonly object[] } {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: `coppice.dev:${name}`, labels: { ...labels } },
    rules,
  };
}

/** The CustomResourceDefinitions that come with Coppice, in the order of their file names. */
async function readCrds(): Promise<KubeObject[]> {
  const folder = installedPath('crds');
  const names = (await readdir(folder)).filter((name) => name.endsWith('.yaml')).sort();
  return Promise.all(
    names.map(async (name) => load(await readFile(join(folder, name), 'utf8')) as KubeObject),
  );
}
