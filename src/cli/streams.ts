import type { IncomingMessage } from 'node:http';
import { type RequestOptions, request } from 'node:https';
import { text } from 'node:stream/consumers';
import type { KubeConfig } from '@kubernetes/client-node';
import { SUBRESOURCES_GROUP, type Subresource, subresourcePath } from '../api/subresources.ts';
import type { ObjectMeta } from '../base/object.ts';
import { openStream, type StreamConnection, StreamRefused } from '../host/stream-client.ts';
import { type ApiError, errorFromAnswer } from '../kube/api-error.ts';

/** Whose stream it is: an appliance's metadata. */
type Named = Pick<ObjectMeta, 'name' | 'namespace'>;

/** How this user reaches an API server. */
interface Access {
  readonly server: string;
  /** Authority, certificate, token, proxy, as the kubeconfig says. */
  readonly options: RequestOptions;
}

async function accessOf(config: KubeConfig): Promise<Access> {
  const options: RequestOptions = { headers: {} };
  await config.applyToHTTPSOptions(options);
  const server = config.getCurrentCluster()?.server;
  if (server === undefined) throw new Error('the kubeconfig names no cluster: choose one with --kubeconfig');
  return { server, options };
}

function addressOf(
  { server }: Access,
  { namespace = '', name }: Named,
  what: Subresource,
  query: string,
): URL {
  const path = subresourcePath(namespace, name, what);
  return new URL(`${server.replace(/\/+$/, '')}${path}${query === '' ? '' : `?${query}`}`);
}

/** Opens a console, or runs a program in a guest, with the rights of the kubeconfig's user. Rejects with an ApiError when it is refused. */
export async function openStreamOf(
  config: KubeConfig,
  appliance: Named,
  what: 'console' | 'exec',
  query = '',
): Promise<StreamConnection> {
  const access = await accessOf(config);
  const { headers, ...tls } = access.options;
  try {
    return await openStream({
      url: addressOf(access, appliance, what, query),
      tls,
      headers: headers as Readonly<Record<string, string>>,
    });
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
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const asking = request(addressOf(access, appliance, 'log', query), access.options, resolve);
    asking.once('error', reject);
    asking.end();
  });
  if (answer.statusCode === 200) return answer;
  throw refused('log', appliance, answer.statusCode ?? 0, await text(answer));
}

function refused(what: Subresource, { namespace, name }: Named, status: number, body: string): Error {
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
