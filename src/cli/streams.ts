import type { IncomingMessage } from 'node:http';
import type { RequestOptions } from 'node:https';
import { text } from 'node:stream/consumers';
import type { KubeConfig } from '@kubernetes/client-node';
import {
  BUILD_LOG,
  SUBRESOURCES_GROUP,
  type Subresource,
  subresourcePath,
  templatePath,
} from '../api/subresources.ts';
import type { ObjectMeta } from '../base/object.ts';
import { relay } from '../base/relay.ts';
import { openStream, type StreamConnection, StreamRefused } from '../host/stream-client.ts';
import { type ApiError, errorFromAnswer } from '../kube/api-error.ts';

const ANSWER_TIMEOUT_MS = 60_000;

/** Whose stream it is: an appliance's metadata. */
type Named = Pick<ObjectMeta, 'name' | 'namespace'>;

/** How this user reaches an API server. */
export interface Access {
  readonly server: string;
  /** Authority, certificate, proxy, as the kubeconfig says. */
  readonly tls: RequestOptions;
  /** Its token. */
  readonly headers: Readonly<Record<string, string>>;
}

export async function accessOf(config: KubeConfig): Promise<Access> {
  const headers: Record<string, string> = {};
  const tls: RequestOptions = { headers };
  await config.applyToHTTPSOptions(tls);
  const server = config.getCurrentCluster()?.server;
  if (server === undefined) throw new Error('the kubeconfig names no cluster: choose one with --kubeconfig');
  return { server, tls, headers };
}

function addressOf(access: Access, { namespace = '', name }: Named, what: Subresource, query: string): URL {
  return urlOn(access, subresourcePath(namespace, name, what), query);
}

/** The address of a path on the API server. */
export function urlOn({ server }: Access, path: string, query = ''): URL {
  return new URL(
    `${server.endsWith('/') ? server.slice(0, -1) : server}${path}${query === '' ? '' : `?${query}`}`,
  );
}

/** Opens a console, or runs a program in a guest, with the rights of the kubeconfig's user. Rejects with an ApiError when it is refused. */
export async function openStreamOf(
  config: KubeConfig,
  appliance: Named,
  what: 'console' | 'exec',
  query = '',
): Promise<StreamConnection> {
  const access = await accessOf(config);
  const { tls, headers } = access;
  try {
    return await openStream({ url: addressOf(access, appliance, what, query), tls, headers });
  } catch (error) {
    if (!(error instanceof StreamRefused)) throw error;
    throw refused(what, appliance, error.status, error.body);
  }
}

/** The log of an appliance's console or service, as it comes. Rejects with an ApiError when it is refused. */
export async function openLogOf(
  config: KubeConfig,
  appliance: Named,
  query: string,
): Promise<IncomingMessage> {
  const access = await accessOf(config);
  return await openLogAt(access, addressOf(access, appliance, 'log', query), appliance);
}

/** The log of the build that made a template. Rejects with an ApiError when there is none, or it is refused. */
export async function openBuildLogOf(
  config: KubeConfig,
  template: Named,
  query: string,
): Promise<IncomingMessage> {
  const access = await accessOf(config);
  const path = templatePath(BUILD_LOG, template.namespace ?? '', template.name);
  return await openLogAt(access, urlOn(access, path, query), template);
}

async function openLogAt({ tls, headers }: Access, url: URL, of: Named): Promise<IncomingMessage> {
  const { head } = await relay({
    url,
    method: 'GET',
    headers: { ...headers },
    tls,
    timeoutMs: ANSWER_TIMEOUT_MS,
  });
  if (head.statusCode === 200) return head;
  throw refused('log', of, head.statusCode ?? 0, await text(head));
}

/** The error of an answer that is a refusal. */
export function refused(what: string, { namespace, name }: Named, status: number, body: string): Error {
  const error = errorFromAnswer(`${what} of ${namespace}/${name}`, status, body);
  return isUnserved(error) ? new Error(UNSERVED, { cause: error }) : error;
}

const UNSERVED =
  `this cluster does not serve ${SUBRESOURCES_GROUP}: with the chart, set streams.enabled; with an operator of your own, ` +
  'give it --streams-listen, and the API server an APIService';

/** API servers answer so for a group that they do not know, and the operator never does. */
function isUnserved({ status, message }: ApiError): boolean {
  return status === 404 && /404 page not found|could not find the requested resource/.test(message);
}
