import { type Case, merge, post, story } from './case.ts';

const OURS = '/apis/coppice.dev/v1alpha1';

function object(kind: string, name: string, spec: object): object {
  return { apiVersion: 'coppice.dev/v1alpha1', kind, metadata: { name }, spec };
}

const paths = {
  Host: `${OURS}/hosts`,
  IPPool: `${OURS}/namespaces/{ns}/ippools`,
  Template: `${OURS}/namespaces/{ns}/templates`,
  VirtualAppliance: `${OURS}/namespaces/{ns}/virtualappliances`,
  ServiceDeployment: `${OURS}/namespaces/{ns}/servicedeployments`,
} as const;

type Kind = keyof typeof paths;

/** An object that breaks a rule; each spec is an attempt of its own. */
function broken(kind: Kind, what: string, ...specs: object[]): Case {
  return story(`${kind}: ${what}`, ...specs.map((spec) => post(paths[kind], object(kind, 'one', spec))));
}

/** A change that a transition rule does not allow. */
function frozen(kind: Kind, what: string, before: object, ...changes: object[]): Case {
  const steps = changes.map((spec) => merge(`${paths[kind]}/one`, { spec }));
  return story(`${kind}: ${what}`, post(paths[kind], object(kind, 'one', before)), ...steps);
}

const range = { start: '10.0.0.10', end: '10.0.0.20' };
const pool = { ranges: [range], prefix: 24 };
const image = { url: 'https://example.com/a.img', sha256: 'a'.repeat(64) };
const template = { source: { image }, container: { type: 'static-site' } };
const appliance = { template: { name: 'debian' } };
const inline = { inline: { files: { 'index.html': 'hello' } } };
const service = { name: 'web', template: { name: 'debian' }, package: inline };

/** Every rule of `crds/`, broken. */
export const rules: readonly Case[] = [
  broken(
    'Host',
    'an address that is none',
    { address: 'http://a' },
    { address: 'https://a/path' },
    { address: 7 },
  ),
  broken('Host', 'thresholds out of bounds', {
    address: 'https://a:1',
    thresholds: { cpu: 0.4, memory: 1.1 },
  }),
  story('Host: a name with dots', post(paths.Host, object('Host', 'a.b', { address: 'https://a:1' }))),
  story(
    'Host: a name that is too long',
    post(paths.Host, object('Host', 'a'.repeat(64), { address: 'https://a:1' })),
  ),
  broken('IPPool', 'no ranges', { ranges: [], prefix: 24 }, { prefix: 24 }),
  broken(
    'IPPool',
    'ranges that are none',
    { ...pool, ranges: [{ start: 'x', end: 'y' }] },
    { ...pool, ranges: [{ start: '10.0.0.1', end: '::1' }] },
    { ...pool, ranges: [{ start: '10.0.0.1' }] },
  ),
  broken(
    'IPPool',
    'a range of the wrong family',
    { ...pool, ranges: [{ start: 'fd00::1', end: 'fd00::9' }] },
    { ...pool, family: 'IPv6' },
  ),
  broken(
    'IPPool',
    'a prefix that is too long',
    { ...pool, prefix: 32 },
    { ...pool, prefix: 128 },
    { ...pool, prefix: 0 },
  ),
  broken('IPPool', 'a gateway that is none', { ...pool, gateway: 'x' }, { ...pool, gateway: 'fd00::1' }),
  broken(
    'IPPool',
    'exclusions that are none, or twice',
    { ...pool, exclusions: ['x'] },
    { ...pool, exclusions: ['10.0.0.1', '10.0.0.1'] },
  ),
  broken(
    'IPPool',
    'reservations that are none, or twice',
    { ...pool, reservations: [{ address: 'x', appliance: 'a' }] },
    { ...pool, reservations: [{ address: '10.0.0.11', appliance: '' }] },
    {
      ...pool,
      reservations: [
        { address: '10.0.0.11', appliance: 'a' },
        { address: '10.0.0.11', appliance: 'b' },
      ],
    },
  ),
  broken(
    'IPPool',
    'DNS servers that are none',
    { ...pool, dns: ['x', '10.0.0.1'] },
    { ...pool, dns: Array(9).fill('10.0.0.1') },
  ),
  frozen('IPPool', 'its family stays', pool, {
    family: 'IPv6',
    ranges: [{ start: 'fd00::1', end: 'fd00::9' }],
  }),
  broken('Template', 'no source', { ...template, source: {} }, { container: { type: 'static-site' } }),
  broken('Template', 'a digest that is none', { ...template, source: { image: { ...image, sha256: 'x' } } }),
  broken('Template', 'two sources', { ...template, source: { image, template: { name: 'x' } } }),
  broken(
    'Template',
    'a container that is none',
    { ...template, container: { type: 'magic' } },
    { ...template, container: {} },
  ),
  frozen('Template', 'its source stays', template, {
    source: { image: { ...image, sha256: 'b'.repeat(64) } },
  }),
  broken('VirtualAppliance', 'no template', {}, { template: {} }, { template: { name: '' } }),
  broken(
    'VirtualAppliance',
    'resources that are none',
    { ...appliance, resources: { cpu: 'x', memory: '1 GB' } },
    { ...appliance, resources: { cpu: 0.5 } },
  ),
  broken(
    'VirtualAppliance',
    'two packages',
    { ...appliance, package: { ...inline, configMap: { name: 'c' } } },
    { ...appliance, package: {} },
  ),
  broken(
    'VirtualAppliance',
    'two probes',
    { ...appliance, probe: { http: {}, tcp: {} } },
    { ...appliance, probe: {} },
  ),
  broken(
    'VirtualAppliance',
    'ports that are none, or twice',
    { ...appliance, network: { ports: [{ name: 'a', port: 0 }] } },
    {
      ...appliance,
      network: {
        ports: [
          { name: 'a', port: 1 },
          { name: 'a', port: 2 },
        ],
      },
    },
    { ...appliance, network: { ports: [{ name: 'a', port: 1, hostPort: 80 }] } },
  ),
  broken(
    'VirtualAppliance',
    'a selector without values',
    { ...appliance, placement: { hostSelector: { matchExpressions: [{ key: 'a', operator: 'In' }] } } },
    {
      ...appliance,
      placement: { hostSelector: { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['x'] }] } },
    },
    { ...appliance, placement: { hosts: ['a', 'a'] } },
  ),
  broken(
    'VirtualAppliance',
    'a disk size that is none',
    { ...appliance, disk: { size: 'big' } },
    { ...appliance, disk: { size: 0 } },
    { ...appliance, disk: { size: 1.5 } },
  ),
  broken('VirtualAppliance', 'a disk size as a number', { ...appliance, disk: { size: 4096 } }),
  broken('VirtualAppliance', 'time-outs out of bounds', {
    ...appliance,
    timeouts: { agentSeconds: 4, serviceSeconds: 3601 },
  }),
  broken(
    'VirtualAppliance',
    'a path that is none',
    { ...appliance, path: 'x' },
    { ...appliance, path: '/a b' },
  ),
  frozen(
    'VirtualAppliance',
    'its host stays',
    { ...appliance, hostName: 'a' },
    { hostName: 'b' },
    { hostName: null },
  ),
  frozen('VirtualAppliance', 'its host is set once', appliance, { hostName: 'a' }, { hostName: 'b' }),
  frozen(
    'VirtualAppliance',
    'its network and disk stay',
    appliance,
    { network: { ports: [{ name: 'a', port: 1 }] } },
    { disk: { mode: 'Clone' } },
  ),
  frozen('VirtualAppliance', 'its template stays', appliance, { template: { name: 'other' } }),
  broken('ServiceDeployment', 'no services', { services: [] }, {}),
  broken('ServiceDeployment', 'a service twice', { services: [service, service] }),
  broken(
    'ServiceDeployment',
    'services without names',
    { services: [{ ...service, name: '' }] },
    { services: [{ ...service, name: 'A_' }] },
  ),
  broken('ServiceDeployment', 'replicas of several services', {
    services: [service, { ...service, name: 'db' }],
    replicas: 2,
  }),
  broken(
    'ServiceDeployment',
    'a template named in two ways',
    { services: [{ ...service, template: { name: 'a', series: 'b' } }] },
    { services: [{ ...service, template: {} }] },
  ),
  broken('ServiceDeployment', 'a state that is none', { services: [service], state: 'Gone' }),
  broken(
    'ServiceDeployment',
    'negative replicas',
    { services: [service], replicas: -1 },
    { services: [{ ...service, replicas: -1 }] },
  ),
];
