import { HOSTS, TEMPLATES, type Template } from '../api/kinds.ts';
import { BUILD_LOG, parseTemplatePath } from '../api/subresources.ts';
import { isNotFound } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client/client.ts';
import { Refusal } from './refusal.ts';
import type { Target } from './target.ts';

/** A request for the log of the build that made a template. */
export interface BuildLogRequest {
  readonly namespace: string;
  readonly name: string;
  /** The options that are passed on. The daemon checks their values. */
  readonly options: URLSearchParams;
}

const OPTIONS: readonly string[] = ['bytes', 'source'];

/** Reads a request. Undefined if its path is not that of a build log. Throws 400 for an unknown option, 405 for another method. */
export function buildLogRequest(method: string, url: URL): BuildLogRequest | undefined {
  const place = parseTemplatePath(BUILD_LOG, url.pathname);
  if (place === undefined) return undefined;
  if (method !== 'GET') throw new Refusal(405, 'MethodNotAllowed', 'log takes GET only');
  const options = new URLSearchParams(url.searchParams);
  const unknown = [...options.keys()].find((name) => !OPTIONS.includes(name));
  if (unknown === undefined) return { ...place, options };
  const message = `log of a template has no option '${unknown}'; its options: ${OPTIONS.join(', ')}`;
  throw new Refusal(400, 'BadRequest', message);
}

/** The daemon that keeps the log. Throws 404 or 409 with the reason when there is none. */
export async function buildLogTarget(
  client: Pick<KubeClient, 'get'>,
  { namespace, name, options }: BuildLogRequest,
): Promise<Target> {
  const template = await client.get(TEMPLATES, { namespace, name }).catch((error: unknown) => {
    throw isNotFound(error) ? refusal(404, `templates.coppice.dev "${name}" not found`) : error;
  });
  const { identity, hostName } = whereKept(template);
  const host = await client.get(HOSTS, { name: hostName }).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
    throw refusal(404, `the log is gone with host ${hostName}, which built template ${name} and kept it`);
  });
  const query = new URLSearchParams([...options, ['namespace', namespace]]);
  return { hostName, url: new URL(`/v1/layers/${identity}/log?${query}`, host.spec.address) };
}

function whereKept({ metadata: { namespace, name }, spec, status }: Template) {
  const label = `template ${namespace}/${name}`;
  if (spec.source.build === undefined)
    throw refusal(409, `${label} is not built: only those with source.build have such a log`);
  const { state, host } = status?.build ?? {};
  const identity = status?.layers?.disk;
  if (state !== 'Done' || identity === undefined) {
    const advice = '`coppice template logs` shows the log of the appliance in which it is built';
    throw refusal(409, `${label} is not built yet: ${advice}`);
  }
  if (host === undefined) {
    const message = `no log was kept of the build of ${label}: the version of Coppice that built it kept none`;
    throw refusal(404, message);
  }
  return { identity, hostName: host };
}

function refusal(code: 404 | 409, message: string): Refusal {
  return new Refusal(code, code === 404 ? 'NotFound' : 'Conflict', message);
}
