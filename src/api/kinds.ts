import type { KubeObject, ResourceRef } from '../base/object.ts';
import type { HostSpec, HostStatus } from './generated/hosts.ts';
import type { IPLeaseSpec } from './generated/ipleases.ts';
import type { IPPoolSpec, IPPoolStatus } from './generated/ippools.ts';
import type { ServiceDeploymentSpec, ServiceDeploymentStatus } from './generated/servicedeployments.ts';
import type { TemplateFollowSpec, TemplateFollowStatus } from './generated/templatefollows.ts';
import type { TemplateLabelSpec, TemplateLabelStatus } from './generated/templatelabels.ts';
import type { TemplateSpec, TemplateStatus } from './generated/templates.ts';
import type { VirtualApplianceSpec, VirtualApplianceStatus } from './generated/virtualappliances.ts';

/** The kinds of `coppice.dev/v1alpha1`, as the API server returns them: with every default filled in. */
interface Kind<Spec, Status> extends KubeObject {
  spec: Spec;
  status?: Status;
}

export type Host = Kind<HostSpec, HostStatus>;
/** A record: its spec never changes, and it has no status. */
export interface IPLease extends KubeObject {
  spec: IPLeaseSpec;
}
export type IPPool = Kind<IPPoolSpec, IPPoolStatus>;
export type ServiceDeployment = Kind<ServiceDeploymentSpec, ServiceDeploymentStatus>;
export type Template = Kind<TemplateSpec, TemplateStatus>;
export type TemplateFollow = Kind<TemplateFollowSpec, TemplateFollowStatus>;
export type TemplateLabel = Kind<TemplateLabelSpec, TemplateLabelStatus>;
export type VirtualAppliance = Kind<VirtualApplianceSpec, VirtualApplianceStatus>;

/** A core/v1 ConfigMap, as far as packages need it. */
export interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
  /** Values in base64. */
  binaryData?: Record<string, string>;
  /** The API server refuses changes of the content. */
  immutable?: boolean;
}

/** A core/v1 Secret, as far as it is read. */
export interface Secret extends KubeObject {
  type?: string;
  /** Values in base64. */
  data?: Record<string, string>;
}

const GROUP = { group: 'coppice.dev', version: 'v1alpha1' } as const;

export const HOSTS: ResourceRef<Host> = { ...GROUP, plural: 'hosts', kind: 'Host', namespaced: false };
export const TEMPLATES: ResourceRef<Template> = {
  ...GROUP,
  plural: 'templates',
  kind: 'Template',
  namespaced: true,
};
export const TEMPLATE_LABELS: ResourceRef<TemplateLabel> = {
  ...GROUP,
  plural: 'templatelabels',
  kind: 'TemplateLabel',
  namespaced: true,
};
export const TEMPLATE_FOLLOWS: ResourceRef<TemplateFollow> = {
  ...GROUP,
  plural: 'templatefollows',
  kind: 'TemplateFollow',
  namespaced: true,
};
export const SERVICE_DEPLOYMENTS: ResourceRef<ServiceDeployment> = {
  ...GROUP,
  plural: 'servicedeployments',
  kind: 'ServiceDeployment',
  namespaced: true,
};
export const VIRTUAL_APPLIANCES: ResourceRef<VirtualAppliance> = {
  ...GROUP,
  plural: 'virtualappliances',
  kind: 'VirtualAppliance',
  namespaced: true,
};
export const IP_POOLS: ResourceRef<IPPool> = {
  ...GROUP,
  plural: 'ippools',
  kind: 'IPPool',
  namespaced: true,
};
export const IP_LEASES: ResourceRef<IPLease> = {
  ...GROUP,
  plural: 'ipleases',
  kind: 'IPLease',
  namespaced: false,
};

/** What of a Secret is used. */
export interface Secret extends KubeObject {
  /** Values in base64. */
  data?: Record<string, string>;
}

export const SECRETS: ResourceRef<Secret> = {
  group: '',
  version: 'v1',
  plural: 'secrets',
  kind: 'Secret',
  namespaced: true,
};

export const CONFIG_MAPS: ResourceRef<ConfigMap> = {
  group: '',
  version: 'v1',
  plural: 'configmaps',
  kind: 'ConfigMap',
  namespaced: true,
};
