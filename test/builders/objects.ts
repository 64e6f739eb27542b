import type { Service } from '../../controllers/servicedeployment/services.ts';
import type {
  Host,
  IPLease,
  IPPool,
  ServiceDeployment,
  Template,
  TemplateFollow,
  TemplateLabel,
  VirtualAppliance,
} from '../../src/api/kinds.ts';
import type { ObjectMeta } from '../../src/base/object.ts';
import type { WholeTemplate } from '../../src/domain/templates/inherit.ts';
import { LAYER } from './reports.ts';

const API_VERSION = 'coppice.dev/v1alpha1';
const DIGEST = 'a'.repeat(64);

/** Objects as the API server returns them, defaults filled in; each builder takes what its test is about. */
interface Overrides<Kind extends { metadata: ObjectMeta; spec: object; status?: object }> {
  readonly metadata?: Partial<ObjectMeta>;
  readonly spec?: Partial<Kind['spec']>;
  readonly status?: Kind['status'];
}

export function aHost({ metadata, spec, status }: Overrides<Host> = {}): Host {
  return {
    apiVersion: API_VERSION,
    kind: 'Host',
    metadata: { name: 'host-a', uid: 'uid-host-a', resourceVersion: '1', generation: 1, ...metadata },
    spec: {
      address: 'https://127.0.0.1:7443',
      unschedulable: false,
      thresholds: { cpu: 0.75, memory: 0.75 },
      ...spec,
    },
    ...(status === undefined ? {} : { status }),
  };
}

/** Gives 10.0.8.10 to 10.0.8.12. */
export function aPool({ metadata, spec, status }: Overrides<IPPool> = {}): IPPool {
  const name = metadata?.name ?? 'lan';
  return {
    apiVersion: API_VERSION,
    kind: 'IPPool',
    metadata: {
      name,
      namespace: 'default',
      uid: `uid-${name}`,
      resourceVersion: '1',
      generation: 1,
      finalizers: ['coppice.dev/ip-pool'],
      ...metadata,
    },
    spec: {
      family: 'IPv4',
      ranges: [{ start: '10.0.8.10', end: '10.0.8.12' }],
      prefix: 24,
      gateway: '10.0.8.1',
      ...spec,
    },
    ...(status === undefined ? {} : { status }),
  };
}

/** Of pool default/lan, to an appliance default/web-0 (or another uid) on host-a; an IPv4 address. */
export function aLease(address: string, applianceUid = 'uid-web-0'): IPLease {
  return {
    apiVersion: API_VERSION,
    kind: 'IPLease',
    metadata: {
      name: address,
      labels: { 'coppice.dev/appliance-uid': applianceUid },
      finalizers: ['coppice.dev/ip-lease'],
    },
    spec: {
      address,
      pool: { namespace: 'default', name: 'lan' },
      appliance: { namespace: 'default', name: 'web-0', uid: applianceUid },
      hostName: 'host-a',
    },
  };
}

export function aTemplate({ metadata, spec, status }: Overrides<Template> = {}): WholeTemplate {
  const made = {
    apiVersion: API_VERSION,
    kind: 'Template',
    metadata: {
      name: 'debian',
      namespace: 'default',
      uid: 'uid-debian',
      resourceVersion: '1',
      generation: 1,
      ...metadata,
    },
    spec: {
      source: { image: { url: 'file:///images/debian.qcow2', sha256: DIGEST } },
      guest: { os: 'linux', agent: 'qemu-guest-agent' },
      container: { type: 'static-site', port: 80, scheme: 'http' },
      checkpoint: { enabled: false },
      distribution: { mode: 'Copy', minCopies: 0, importance: 1, popularityHalfLife: '168h' },
      lifecycle: { retain: false },
      sharing: { scope: 'Namespace' },
      ...spec,
    },
    ...(status === undefined ? {} : { status }),
  };
  return made as WholeTemplate;
}

/** A template whose image a host has imported. */
export function anImportedTemplate({ status, ...overrides }: Overrides<Template> = {}): WholeTemplate {
  return aTemplate({ ...overrides, status: { layers: { disk: LAYER }, ...status } });
}

/** `lamp` of ann, in namespace default, of template `debian`. */
export function aLabel({ metadata, spec, status }: Overrides<TemplateLabel> = {}): TemplateLabel {
  const name = metadata?.name ?? 'lamp';
  return {
    apiVersion: API_VERSION,
    kind: 'TemplateLabel',
    metadata: {
      name,
      namespace: 'default',
      uid: `uid-${name}`,
      resourceVersion: '1',
      generation: 1,
      ...metadata,
    },
    spec: { title: name, owner: 'ann', visibility: 'Private', templates: ['debian'], ...spec },
    ...(status === undefined ? {} : { status }),
  };
}

/** The labels that a user follows, in namespace default. */
export function aFollow(user: string, labels: readonly string[], namespace = 'default'): TemplateFollow {
  return {
    apiVersion: API_VERSION,
    kind: 'TemplateFollow',
    metadata: { name: user, namespace, uid: `uid-${user}`, resourceVersion: '1', generation: 1 },
    spec: { user, labels: [...labels] },
  };
}

export function anAppliance({ metadata, spec, status }: Overrides<VirtualAppliance> = {}): VirtualAppliance {
  const name = metadata?.name ?? 'web-0';
  return {
    apiVersion: API_VERSION,
    kind: 'VirtualAppliance',
    metadata: {
      name,
      namespace: 'default',
      uid: `uid-${name}`,
      resourceVersion: '1',
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...metadata,
    },
    spec: {
      powerState: 'Running',
      service: { name: 'web' },
      template: { name: 'debian' },
      resources: { cpu: '500m', memory: '256Mi' },
      network: { mode: 'User' },
      placement: {},
      start: { from: 'ColdBoot' },
      disk: { mode: 'Incremental' },
      onHostFailure: 'Stay',
      timeouts: { agentSeconds: 300, serviceSeconds: 300 },
      ...spec,
    },
    ...(status === undefined ? {} : { status }),
  };
}

/** A service with every default filled in, as controllers work with it. */
export function aService(overrides: Partial<Service> = {}): Service {
  return {
    name: 'web',
    maxUnavailable: 1,
    strategy: 'InPlace',
    template: { name: 'debian' },
    resources: { cpu: '500m', memory: '256Mi' },
    network: { mode: 'User' },
    placement: {},
    start: { from: 'ColdBoot' },
    disk: { mode: 'Incremental' },
    onHostFailure: 'Stay',
    timeouts: { agentSeconds: 300, serviceSeconds: 300 },
    ...overrides,
  };
}

export function aDeployment({
  metadata,
  spec,
  status,
}: Overrides<ServiceDeployment> = {}): ServiceDeployment {
  return {
    apiVersion: API_VERSION,
    kind: 'ServiceDeployment',
    metadata: {
      name: 'shop',
      namespace: 'default',
      uid: 'uid-shop',
      resourceVersion: '1',
      generation: 1,
      ...metadata,
    },
    spec: {
      state: 'Deployed',
      recall: { save: false, minCopies: 1 },
      progressDeadlineSeconds: 600,
      services: [aService()],
      ...spec,
    },
    ...(status === undefined ? {} : { status }),
  };
}
