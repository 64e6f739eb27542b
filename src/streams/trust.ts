import { X509Certificate } from 'node:crypto';
import type { ConfigMap } from '../api/kinds.ts';
import { own } from '../base/own.ts';

/** Whom the API server tells its extensions to believe. */
export interface Trust {
  /** DER of the authorities of users' certificates. */
  readonly clientCas: readonly Buffer[];
  /** Undefined when the API server passes no requests on. */
  readonly frontProxy?: FrontProxy;
  /** PEM of both, for the handshake. */
  readonly pem: string;
}

/** The API server as it passes a user's request on: who it is, and in which headers it says who the user is; in lower case. */
export interface FrontProxy {
  readonly cas: readonly Buffer[];
  /** Common names of its certificate; empty for any. */
  readonly names: readonly string[];
  readonly usernameHeaders: readonly string[];
  readonly uidHeaders: readonly string[];
  readonly groupHeaders: readonly string[];
  readonly extraPrefixes: readonly string[];
}

/** Where every API server says it to its extensions. */
export const TRUST_CONFIG_MAP = { namespace: 'kube-system', name: 'extension-apiserver-authentication' };

/**
 * What the ConfigMap says. Throws when it cannot be read: nobody is believed by mistake.
 * https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/
 */
export function trustIn({ data = {} }: Pick<ConfigMap, 'data'>): Trust {
  const list = (key: string, otherwise: readonly string[] = []): readonly string[] => {
    const text = own(data, key);
    return text === undefined ? otherwise : strings(JSON.parse(text));
  };
  const headers = (key: string, otherwise?: readonly string[]) =>
    list(`requestheader-${key}`, otherwise).map((name) => name.toLowerCase());
  const clientPem = own(data, 'client-ca-file') ?? '';
  const proxyPem = own(data, 'requestheader-client-ca-file') ?? '';
  const frontProxy: FrontProxy = {
    cas: certificatesIn(proxyPem),
    names: list('requestheader-allowed-names'),
    usernameHeaders: headers('username-headers'),
    uidHeaders: headers('uid-headers', ['x-remote-uid']),
    groupHeaders: headers('group-headers'),
    extraPrefixes: headers('extra-headers-prefix'),
  };
  return {
    clientCas: certificatesIn(clientPem),
    ...(frontProxy.cas.length === 0 ? {} : { frontProxy }),
    pem: `${clientPem}\n${proxyPem}`,
  };
}

function certificatesIn(pem: string): readonly Buffer[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block).raw);
}

function strings(value: unknown): readonly string[] {
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  throw new Error('a list of strings was expected');
}
