import { aService, aTask, type Manifest, manifest } from './tasks.ts';

/** An object that breaks a rule of its kind. */
export interface Scenario {
  readonly rule: string;
  /** What is there already when the other comes; nothing when not given. */
  readonly before?: Manifest;
  readonly refused: Manifest;
  /** Parts of the message: the field, then the rule. */
  readonly says: readonly string[];
}

/** A pool of 10.0.0.1 to 10.0.0.9, changed. */
export const pool = (spec: object) =>
  manifest('IPPool', 'refused', { ranges: [{ start: '10.0.0.1', end: '10.0.0.9' }], prefix: 24, ...spec });
const pool6 = (spec: object) =>
  pool({ family: 'IPv6', ranges: [{ start: 'fd00::1', end: 'fd00::9' }], prefix: 64, ...spec });
const appliance = (network: object) =>
  manifest('VirtualAppliance', 'refused', { template: { name: 'none' }, hostName: 'nowhere', network });
/** A lease of an appliance that there is not. */
export const lease = (name: string, address: string) =>
  manifest('IPLease', name, {
    address,
    pool: { namespace: 'default', name: 'lan' },
    appliance: { namespace: 'default', name: 'web', uid: 'uid-web' },
    hostName: 'host-a',
  });
const task = (network: object, replicas = 1) => aTask('refused', { network, replicas });

/** What the rules about pools, addresses and networks refuse. */
export const networkRefusals: readonly Scenario[] = [
  {
    rule: 'a range of names',
    refused: pool({ ranges: [{ start: 'here', end: '10.0.0.9' }] }),
    says: ['spec.ranges[0]', 'start and end must be IP addresses'],
  },
  {
    rule: 'a range whose end has another spelling than addresses have',
    refused: pool6({ ranges: [{ start: 'fd00::1', end: 'FD00:0::9' }] }),
    says: ['spec.ranges[0]', 'in their canonical form'],
  },
  {
    rule: 'a range that ends before it starts',
    refused: pool({ ranges: [{ start: '10.0.0.10', end: '10.0.0.9' }] }),
    says: ['spec.ranges[0]', 'start must not be greater than end'],
  },
  {
    rule: 'a range of two families',
    refused: pool({ ranges: [{ start: '10.0.0.1', end: 'fd00::9' }] }),
    says: ['spec.ranges[0]', 'start and end must be of the same family'],
  },
  ...[
    ['of loopback', '127.0.0.10', '127.0.0.99'],
    ['of multicast', '224.0.0.10', '224.0.0.99'],
    ['of link-local addresses', '169.254.0.10', '169.254.0.99'],
    ['of 0.0.0.0/8', '0.0.0.10', '0.0.0.99'],
    ['up to the broadcast address', '255.255.255.9', '255.255.255.255'],
  ].map(([what, start, end]) => ({
    rule: `a range ${what}`,
    refused: pool({ ranges: [{ start, end }] }),
    says: ['spec.ranges[0]', 'no VM can have an address of'],
  })),
  ...[
    ['around loopback', '126.0.0.1', '128.0.0.1'],
    ['around multicast', '223.0.0.1', '240.0.0.1'],
    ['around link-local addresses', '169.253.0.1', '170.0.0.1'],
  ].map(([what, start, end]) => ({
    rule: `a range ${what}`,
    refused: pool({ ranges: [{ start, end }], prefix: 1 }),
    says: ['spec.ranges[0]', 'no VM can have an address of'],
  })),
  ...[
    ['with the unspecified address', '::', '::9'],
    ['of loopback in IPv6', '::1', '::9'],
    ['of link-local addresses in IPv6', 'fe80::1', 'fe80::9'],
    ['of multicast in IPv6', 'ff02::1', 'ff02::9'],
  ].map(([what, start, end]) => ({
    rule: `a range ${what}`,
    refused: pool6({ ranges: [{ start, end }] }),
    says: ['spec.ranges[0]', 'no VM can have an address of'],
  })),
  {
    rule: "ranges of another family than the pool's",
    refused: pool({ family: 'IPv6' }),
    says: ['spec.ranges', "ranges must be of the pool's family"],
  },
  {
    rule: 'a range that reaches beyond the network',
    refused: pool({ ranges: [{ start: '10.0.0.1', end: '10.0.1.9' }] }),
    says: ['spec.ranges', 'all ranges must lie in one network of this prefix'],
  },
  {
    rule: 'ranges of two networks',
    refused: pool6({
      ranges: [
        { start: 'fd00::1', end: 'fd00::9' },
        { start: 'fd00:0:0:1::1', end: 'fd00:0:0:1::9' },
      ],
    }),
    says: ['spec.ranges', 'all ranges must lie in one network of this prefix'],
  },
  {
    rule: 'a prefix that IPv4 has not',
    refused: pool({ prefix: 64 }),
    says: ['spec.prefix', 'an IPv4 prefix is at most 31'],
  },
  {
    rule: 'a gateway of another family',
    refused: pool({ gateway: 'fd00::1' }),
    says: ['spec.gateway', "gateway must be of the pool's family"],
  },
  {
    rule: 'a gateway of another network',
    refused: pool({ gateway: '10.0.1.1' }),
    says: ['spec.gateway', 'gateway must lie in the network of the ranges'],
  },
  {
    rule: 'a gateway of another network of IPv6',
    refused: pool6({ prefix: 112, gateway: 'fd00::1:1' }),
    says: ['spec.gateway', 'gateway must lie in the network of the ranges'],
  },
  {
    rule: 'an exclusion of a whole network',
    refused: pool({ exclusions: ['10.0.0.0/30'] }),
    says: ['spec.exclusions', 'exclusions must be IP addresses'],
  },
  {
    rule: 'a reservation outside of the ranges',
    refused: pool({ reservations: [{ address: '10.0.0.10', appliance: 'db' }] }),
    says: ['spec.reservations', 'reservations must lie in the ranges'],
  },
  {
    rule: 'a reservation of another family',
    refused: pool6({ reservations: [{ address: '10.0.0.1', appliance: 'db' }] }),
    says: ['spec.reservations', "reservations must be of the pool's family"],
  },
  {
    rule: 'one address reserved twice',
    refused: pool({
      reservations: [
        { address: '10.0.0.2', appliance: 'db' },
        { address: '10.0.0.2', appliance: 'web' },
      ],
    }),
    says: ['spec.reservations[1]', 'Duplicate value'],
  },
  {
    rule: 'a DNS server by name',
    refused: pool({ dns: ['resolver.example.com'] }),
    says: ['spec.dns', 'dns servers must be IP addresses'],
  },
  {
    rule: "a pool's family is changed",
    before: pool({}),
    refused: pool6({}),
    says: ['spec.family', 'the family cannot be changed: make a new pool'],
  },
  {
    rule: 'user networking with a pool',
    refused: appliance({ mode: 'User', pool: 'lan' }),
    says: ['spec.network', 'mode User has no pool'],
  },
  {
    rule: 'a bridge without a pool',
    refused: appliance({ mode: 'Bridge' }),
    says: ['spec.network', 'mode Bridge needs a pool'],
  },
  {
    rule: 'an address of no pool',
    refused: appliance({ address: '10.0.0.7' }),
    says: ['spec.network', 'an address needs the pool'],
  },
  {
    rule: 'an address that is none',
    refused: appliance({ pool: 'lan', address: '10.0.0.07' }),
    says: ['spec.network.address', 'address must be an IP address'],
  },
  {
    rule: 'a port of the host for a VM with an address of its own',
    refused: appliance({ pool: 'lan', ports: [{ name: 'admin', port: 9000, hostPort: 20_000 }] }),
    says: ['spec.network.ports', 'hostPort is for mode User'],
  },
  {
    rule: "an appliance's network is changed",
    before: appliance({ pool: 'lan' }),
    refused: appliance({ pool: 'lan', address: '10.0.0.7' }),
    says: ['spec.network', 'the network cannot be changed: make a new appliance'],
  },
  {
    rule: 'one address for two replicas',
    refused: task({ pool: 'lan', address: '10.0.0.7' }, 2),
    says: ['spec.services', 'a network address needs a service of one replica'],
  },
  {
    rule: 'a service with an address is scaled',
    before: task({ pool: 'lan', address: '10.0.0.7' }),
    refused: manifest('ServiceDeployment', 'refused', {
      replicas: 3,
      services: [aService({ network: { pool: 'lan', address: '10.0.0.7' } })],
    }),
    says: ['spec.services', 'a network address needs a service of one replica'],
  },
  {
    rule: "a service's user networking with a pool",
    refused: task({ mode: 'User', pool: 'lan' }),
    says: ['spec.services[0].network', 'mode User has no pool'],
  },
  {
    rule: 'a lease that goes by another name',
    refused: lease('refused', '10.0.0.7'),
    says: ["the name of an IPv4 address's lease is the address itself"],
  },
  {
    rule: 'a lease of IPv6 that goes by a shorter name',
    refused: lease('fd00-0-0-0-0-0-0-7', 'fd00::7'),
    says: ["the name of an IPv6 address's lease is all of its 32 digits"],
  },
];
