import { parseSubresourcePath, type Subresource } from '../api/subresources.ts';
import { Refusal } from './refusal.ts';

/** A stream that somebody asks for. */
export interface StreamRequest {
  readonly namespace: string;
  readonly name: string;
  readonly subresource: Subresource;
  /** What the daemon is asked for, below `/v1/appliances/{uuid}/`. */
  readonly daemonPath: string;
}

/** The options of each stream that are passed on. The daemon checks their values. */
const OPTIONS: Readonly<Record<Subresource, readonly string[]>> = {
  console: [],
  exec: ['command', 'stdin', 'tty', 'timeoutSeconds'],
  log: ['bytes', 'follow', 'source'],
};

const LOG_SOURCES = { console: 'console', service: 'service-log', build: 'build-log' } as const;

/** Reads a request's method, address and options. Throws 404, 405 or 400 for what is no stream. */
export function streamRequest(method: string, url: URL, isWebSocket: boolean): StreamRequest {
  const place = parseSubresourcePath(decodedPath(url));
  if (place === undefined)
    throw new Refusal(404, 'NotFound', 'the server could not find the requested resource');
  const { subresource } = place;
  if (method !== 'GET') throw new Refusal(405, 'MethodNotAllowed', `${subresource} takes GET only`);
  if (isWebSocket !== (subresource !== 'log')) throw wrongProtocol(subresource);
  const options = knownOptions(subresource, url.searchParams);
  const source = options.get('source') ?? 'console';
  options.delete('source');
  const query = options.size === 0 ? '' : `?${options}`;
  return { ...place, daemonPath: `${subresource === 'log' ? logOf(source) : subresource}${query}` };
}

function decodedPath({ pathname }: URL): string {
  try {
    return decodeURIComponent(pathname);
  } catch {
    throw new Refusal(400, 'BadRequest', `invalid escape in the path ${pathname}`);
  }
}

function wrongProtocol(subresource: Subresource): Refusal {
  const message =
    subresource === 'log'
      ? 'log is no WebSocket: send a plain GET'
      : `${subresource} is a WebSocket: use \`coppice ${subresource}\`, or a client that asks for the subprotocol v5.channel.k8s.io`;
  return new Refusal(400, 'BadRequest', message);
}

function knownOptions(subresource: Subresource, query: URLSearchParams): URLSearchParams {
  const known = OPTIONS[subresource];
  const unknown = [...query.keys()].find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const list = known.length === 0 ? 'none' : known.join(', ');
    throw new Refusal(400, 'BadRequest', `${subresource} has no option '${unknown}'; its options: ${list}`);
  }
  return new URLSearchParams(query);
}

function logOf(source: string): string {
  if (source === 'console' || source === 'service' || source === 'build') return LOG_SOURCES[source];
  throw new Refusal(400, 'BadRequest', `source must be console, service or build, not '${source}'`);
}
