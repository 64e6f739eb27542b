import { VENDOR_DATA } from './install-agent.ts';

/** What cloud-init in a guest reads. */
export interface SeedRequest {
  /** The machine's: while it stays, cloud-init does nothing again that it does once per machine. */
  readonly uuid: string;
  readonly hostname: string | undefined;
  /** MAC address of its card. */
  readonly mac: string;
  /** Unset: by DHCP. */
  readonly address?: StaticAddress;
  readonly sshAuthorizedKeys: readonly string[];
  readonly userData: string | undefined;
}

/** IPv4 or IPv6. */
export interface StaticAddress {
  readonly address: string;
  readonly prefixLength: number;
  readonly gateway?: string;
  readonly dns: readonly string[];
}

/** The name that the card gets: without one, renderers other than netplan's write a configuration for a card that is not there. */
const CARD = 'eth0';
const NO_USER_DATA = '#cloud-config\n{}\n';

/**
 * The texts of a NoCloud seed, by name; the same request gives the same bytes. What is ours is in `vendor-data`, which cloud-init
 * carries out beside `user-data`: so that stays as its author wrote it, in any form. JSON is YAML.
 * https://cloudinit.readthedocs.io/en/latest/reference/datasources/nocloud.html
 */
export function seedTexts(request: SeedRequest): Readonly<Record<string, string>> {
  const { uuid, hostname, sshAuthorizedKeys, userData = NO_USER_DATA } = request;
  const metaData = {
    'instance-id': uuid,
    ...(hostname === undefined ? {} : { 'local-hostname': hostname }),
    'public-keys': sshAuthorizedKeys,
  };
  return {
    'meta-data': json(metaData),
    'network-config': json(networkConfig(request)),
    'user-data': userData,
    'vendor-data': VENDOR_DATA,
  };
}

/** Version 2: https://cloudinit.readthedocs.io/en/latest/reference/network-config-format-v2.html */
function networkConfig({ mac, address }: SeedRequest): unknown {
  const how = address === undefined ? { dhcp4: true } : staticConfig(address);
  return { version: 2, ethernets: { [CARD]: { match: { macaddress: mac }, 'set-name': CARD, ...how } } };
}

function staticConfig({ address, prefixLength, gateway, dns }: StaticAddress): object {
  // Not `default`, which older releases do not know.
  const to = address.includes(':') ? '::/0' : '0.0.0.0/0';
  return {
    dhcp4: false,
    dhcp6: false,
    // What routers announce is not what the pool says.
    'accept-ra': false,
    addresses: [`${address}/${prefixLength}`],
    ...(gateway === undefined ? {} : { routes: [{ to, via: gateway }] }),
    ...(dns.length === 0 ? {} : { nameservers: { addresses: dns } }),
  };
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
