import { createHash } from 'node:crypto';
import type { AgentOptions, RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { Agent, type Dispatcher, ProxyAgent } from '../../base/http.ts';
import { shownUrl } from '../../base/shown-url.ts';

/**
 * How long an idle connection is kept. Shorter than the idle timeouts of API servers and load balancers, because a request on a
 * connection that they are just closing fails.
 */
const keepAliveMs = 30_000;

/** After this much silence on a connection, the kernel sends TCP keep-alive probes on it. */
const keepAliveProbeMs = 5000;

/** Ordinary requests share this many connections; each watch has one of its own. */
const requestConnections = 16;

/** Pools of connections to one API server, all made with the same credentials. */
export interface Connections {
  readonly requests: Dispatcher;
  readonly watches: Dispatcher;
  /** One connection for probes: if the server does not answer on it, the others are dead, too. */
  readonly probe: Dispatcher;
  /** One more pool like `requests`. */
  makeRequests(): Dispatcher;
}

/** Nothing is opened before the first request. */
export function connect(kubeConfig: KubeConfig, options: RequestOptions): Connections {
  const { ca, cert, key, rejectUnauthorized, servername } = options;
  const tls: AgentOptions = { ca, cert, key, rejectUnauthorized, servername };
  const wanted = kubeConfig.createDispatcherOptions(kubeConfig.getCurrentCluster(), tls);
  const keepAlive = { keepAlive: true, keepAliveInitialDelay: keepAliveProbeMs };
  const make = (limit: { connections?: number }): Dispatcher => {
    // One connection per watch, and none shared by HTTP/2 streams: a connection that hangs stops only itself.
    const common = {
      allowH2: false,
      keepAliveTimeout: keepAliveMs,
      keepAliveMaxTimeout: keepAliveMs,
      ...limit,
    };
    switch (wanted.type) {
      case 'proxy':
        return new ProxyAgent({ ...common, uri: wanted.uri, requestTls: wanted.requestTls });
      case 'socks':
        throw new Error(
          `the kubeconfig names the proxy ${shownUrl(wanted.uri)}, but SOCKS proxies are not supported`,
        );
      case 'agent':
        return new Agent({ ...common, connect: { ...wanted.connect, ...keepAlive } });
      case 'none':
        return new Agent({ ...common, connect: keepAlive });
    }
  };
  const makeRequests = () => make({ connections: requestConnections });
  return { requests: makeRequests(), watches: make({}), probe: make({ connections: 1 }), makeRequests };
}

/** Equal for options with which the same connections can be used. */
export function fingerprintOf(options: RequestOptions): string {
  const hash = createHash('sha256');
  for (const part of [options.ca, options.cert, options.key, options.servername]) {
    hash.update(part === undefined ? 'none' : Buffer.isBuffer(part) ? part : String(part)).update('\0');
  }
  return hash.update(String(options.rejectUnauthorized)).digest('hex');
}
