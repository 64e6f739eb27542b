import { own } from '../../base/own.ts';

const DEFAULT_PORTS: Readonly<Record<string, number>> = { http: 80, https: 443 };

/** The parts of an access point: where the service's port is reached, and the path of the service there. */
export interface AccessPointParts {
  readonly scheme: string;
  readonly address: string;
  readonly port: number;
  readonly path: string;
}

/**
 * The service access point of SO-MVDS section 5, the URL at which a service is invoked:
 * `scheme://address:port/path`. IPv6 addresses stand in brackets, the scheme's default port is left out,
 * repeated slashes in the path become one.
 */
export function accessPoint({ scheme, address, port, path }: AccessPointParts): string {
  const bare = address.replace(/^\[|\]$/g, '');
  const host = bare.includes(':') ? `[${bare.replace('%', '%25')}]` : bare;
  const authority = own(DEFAULT_PORTS, scheme) === port ? host : `${host}:${port}`;
  return `${scheme}://${authority}${`/${path}`.replace(/\/{2,}/g, '/')}`;
}
