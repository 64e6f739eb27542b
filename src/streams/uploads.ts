import type { IncomingMessage, ServerResponse } from 'node:http';
import { json, text } from 'node:stream/consumers';
import type { Logger } from 'pino';
import { CONDITION_READY, findCondition } from '../api/conditions.ts';
import { HOSTS, type Host, TEMPLATES, type Template } from '../api/kinds.ts';
import { parseTemplatePath, UPLOAD } from '../api/subresources.ts';
import { bodyHeaders, relay } from '../base/relay.ts';
import { hostServerName, type UploadStatus } from '../host/protocol.ts';
import { isNotFound } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client/client.ts';
import type { UserInfo } from '../kube/client/reviews.ts';
import { requireAccess } from './access.ts';
import { refusalOf } from './daemon-answer.ts';
import { Refusal } from './refusal.ts';

/** A request for the file of a template: how far it is, or its next bytes for a host. */
type UploadRequest = {
  readonly namespace: string;
  readonly name: string;
} /** With the host that an earlier answer named, unless it is given up. */ & (
  | { readonly kind: 'ask'; readonly host: string | undefined }
  | { readonly kind: 'send'; readonly host: string; readonly offset: string }
);

/** How far a file is, and the host that goes on with it. */
export type UploadProgress = UploadStatus & { readonly host: string };

interface Options {
  readonly client: Pick<KubeClient, 'create' | 'get' | 'list'>;
  readonly hostTls: () => { readonly ca: string; readonly cert: string; readonly key: string } | undefined;
  readonly log: Logger;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** A host that does not answer by then is not asked whether it has something of a file. */
const ASK_TIMEOUT_MS = 5_000;
const SEND_TIMEOUT_MS = 55_000;
const HOST_NAME = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;

/** Undefined for a path that is no upload's. Throws 400 or 405 for what is not understood. */
export function uploadRequest(method: string, url: URL): UploadRequest | undefined {
  const place = parseTemplatePath(UPLOAD, url.pathname);
  if (place === undefined) return undefined;
  const { host, offset } = Object.fromEntries(url.searchParams);
  if (method === 'GET') return { ...place, kind: 'ask', host };
  if (method !== 'POST') throw new Refusal(405, 'MethodNotAllowed', 'upload takes GET and POST only');
  if (host === undefined || !HOST_NAME.test(host) || offset === undefined || !/^[0-9]{1,15}$/.test(offset)) {
    const message =
      'a POST to upload needs host and offset, as GET answers them: use `coppice template push`';
    throw new Refusal(400, 'BadRequest', message);
  }
  return { ...place, kind: 'send', host, offset };
}

/** Tells how far the file of a template is, or passes its next bytes on to the host that has the beginning, unread. */
export async function answerUpload(
  options: Options,
  { request, response }: Exchange,
  user: UserInfo,
  wanted: UploadRequest,
): Promise<void> {
  const { namespace, name } = wanted;
  await requireAccess(options.client, user, {
    verb: 'create',
    resource: UPLOAD.plural,
    ...UPLOAD,
    namespace,
    name,
  });
  const upload = await uploadOf(options.client, wanted);
  const answer =
    wanted.kind === 'ask'
      ? await furthest(options, { namespace, sha256: upload.sha256 }, wanted.host)
      : await pass(options, request, upload, wanted);
  if (wanted.kind === 'ask') {
    options.log.info(
      { user: user.username, namespace, template: name, host: answer.host },
      'a file is pushed',
    );
  }
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
}

/** A file as hosts know it: that of another namespace is another one, whatever its digest. */
type File = { readonly namespace: string; readonly sha256: string };

type Upload = NonNullable<Template['spec']['source']['upload']>;

async function uploadOf(client: Options['client'], { namespace, name }: UploadRequest): Promise<Upload> {
  const template = await client.get(TEMPLATES, { namespace, name }).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
    throw new Refusal(404, 'NotFound', `templates.coppice.dev "${name}" not found`);
  });
  const { upload } = template.spec.source;
  if (upload !== undefined) return upload;
  throw new Refusal(409, 'Conflict', `template ${namespace}/${name} takes no file: its source is no upload`);
}

/** The host that has the most of the file; else the one with the most room on its disk. */
async function furthest(options: Options, file: File, earlier: string | undefined): Promise<UploadProgress> {
  const { items } = await options.client.list(HOSTS, {});
  const ready = items.filter(
    ({ status }) => findCondition(status?.conditions, CONDITION_READY)?.status === 'True',
  );
  const asked = await Promise.all(ready.map((host) => statusOn(options, host, file)));
  const known = asked.filter((one) => one !== undefined);
  known.sort(
    (a, b) =>
      Number(b.complete) - Number(a.complete) ||
      b.receivedBytes - a.receivedBytes ||
      b.freeBytes - a.freeBytes ||
      (a.host < b.host ? -1 : 1),
  );
  const [best] = earlier === undefined ? known : known.filter(({ host }) => host === earlier);
  if (best === undefined && earlier !== undefined) {
    const message = `host ${earlier}, which has the beginning of the file, does not answer or is not Ready`;
    throw new Refusal(503, 'ServiceUnavailable', message);
  }
  if (best === undefined) {
    throw new Refusal(
      503,
      'ServiceUnavailable',
      'no host is Ready that could take the file: `kubectl get hosts`',
    );
  }
  return best;
}

/** Undefined when the host does not tell: it is down, or its daemon is too old. */
async function statusOn(
  options: Options,
  host: Host,
  { namespace, sha256 }: File,
): Promise<UploadProgress | undefined> {
  try {
    const { head } = await relay({
      ...callTo(options, host, `/v1/uploads/${namespace}/${sha256}`),
      method: 'GET',
      headers: {},
      timeoutMs: ASK_TIMEOUT_MS,
    });
    if (head.statusCode !== 200) {
      head.resume();
      return undefined;
    }
    const status = (await json(head)) as UploadStatus;
    return { ...status, host: host.metadata.name };
  } catch (error) {
    if (error instanceof Refusal) throw error;
    options.log.debug({ err: error, host: host.metadata.name }, 'a host does not tell how far an upload is');
    return undefined;
  }
}

/** Has the host add what the request carries. Its answer says how far the file is then. */
async function pass(
  options: Options,
  request: IncomingMessage,
  { sha256, bytes }: Upload,
  { host: name, namespace, offset }: Extract<UploadRequest, { kind: 'send' }>,
): Promise<UploadProgress> {
  const host = await options.client.get(HOSTS, { name }).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
    throw new Refusal(409, 'Conflict', `host ${name} is not registered: ask again which one goes on`);
  });
  const { head } = await relay({
    ...callTo(options, host, `/v1/uploads/${namespace}/${sha256}?offset=${offset}&total=${bytes}`),
    method: 'PUT',
    headers: { ...bodyHeaders(request), 'content-type': 'application/octet-stream' },
    body: request,
    timeoutMs: SEND_TIMEOUT_MS,
  }).catch((error: Error) => {
    throw new Refusal(503, 'ServiceUnavailable', `host ${name} cannot be reached: ${error.message}`);
  });
  if (head.statusCode !== 200) throw await refusalOf(head, name);
  return { ...(JSON.parse(await text(head)) as UploadStatus), host: name };
}

function callTo({ hostTls }: Options, { metadata: { name }, spec: { address } }: Host, path: string) {
  const tls = hostTls();
  if (tls === undefined) {
    const message = 'the operator takes no files yet: it has no certificate for calls to hosts';
    throw new Refusal(503, 'ServiceUnavailable', message);
  }
  return { url: new URL(path, address), tls: { ...tls, servername: hostServerName(name) } };
}
