import type { ResourceRef } from '../api/object.ts';

type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';

/** What an installation of the operator may do without. */
type Feature = 'leaderElection' | 'authority' | 'enrolment';

/** The objects of which the operator needs one of a known name. */
export interface ObjectNames {
  /** The Lease that leaders hold. */
  readonly lease: string;
  /** The Secret with the authority of the hosts. */
  readonly authority: string;
}

/** As they are called where nobody says otherwise. */
export const OBJECT_NAMES: ObjectNames = { lease: 'coppice-operator', authority: 'coppice-hosts' };

/** What one call of the operator needs from RBAC. */
export interface Permission {
  readonly resource: Pick<ResourceRef, 'group' | 'plural'>;
  readonly subresource?: string;
  readonly verbs: readonly Verb[];
  /** `namespace`: only in that of the Lease, or of the Secret. */
  readonly scope: 'cluster' | 'namespace';
  /** The only object that it is about, where RBAC can tell: not for create, list and watch. */
  readonly object?: keyof ObjectNames;
  /** Not needed without it. */
  readonly feature?: Feature;
  /** Which call it is for. */
  readonly why: string;
  /** Asked for on the operator's behalf by the API server itself, so that no request of the operator shows it. */
  readonly isImplicit?: true;
}

/** A rule of a Role or ClusterRole. */
export interface RbacRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  /** All objects when left out or empty. */
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly Verb[];
}

const ours = (plural: string) => ({ group: 'coppice.dev', plural });
const core = (plural: string) => ({ group: '', plural });
const LEASES = { group: 'coordination.k8s.io', plural: 'leases' };

const cached = (plural: string): Permission => ({
  resource: plural === 'configmaps' ? core(plural) : ours(plural),
  verbs: ['list', 'watch'],
  scope: 'cluster',
  why: 'to follow them',
});

const reported = (plural: string): Permission => ({
  resource: ours(plural),
  subresource: 'status',
  verbs: ['patch'],
  scope: 'cluster',
  why: 'to say in their status how they stand',
});

const held = (plural: string): Permission => ({
  resource: ours(plural),
  verbs: ['patch'],
  scope: 'cluster',
  why: 'to hold them by a finalizer until what depends on them is gone',
});

/**
 * Every verb that the operator uses, one row a call. The chart's RBAC is generated from it (`npm run generate`), the operator
 * compares it with what it may do before it starts, and a test with the API server's audit log fails for a verb that
 * is missing here, or is here and never used.
 */
export const PERMISSIONS: readonly Permission[] = [
  cached('hosts'),
  reported('hosts'),
  held('hosts'),
  {
    resource: ours('hosts'),
    verbs: ['get', 'create'],
    scope: 'cluster',
    feature: 'enrolment',
    why: 'to register hosts that join; patch, above, when they have moved',
  },
  {
    resource: { group: 'authentication.k8s.io', plural: 'tokenreviews' },
    verbs: ['create'],
    scope: 'cluster',
    feature: 'enrolment',
    why: 'to see whose token it is that a host joins with',
  },
  cached('templates'),
  reported('templates'),
  held('templates'),
  cached('servicedeployments'),
  reported('servicedeployments'),
  {
    resource: ours('servicedeployments'),
    subresource: 'finalizers',
    verbs: ['update'],
    scope: 'cluster',
    why: 'to own appliances for them where the admission plugin OwnerReferencesPermissionEnforcement is on (OpenShift)',
    isImplicit: true,
  },
  cached('virtualappliances'),
  reported('virtualappliances'),
  held('virtualappliances'),
  {
    resource: ours('virtualappliances'),
    verbs: ['create', 'get', 'update', 'delete'],
    scope: 'cluster',
    why: 'to make a task of them; get, to see whose one is that has the name already',
  },
  cached('ippools'),
  reported('ippools'),
  held('ippools'),
  cached('ipleases'),
  held('ipleases'),
  {
    resource: ours('ipleases'),
    verbs: ['create', 'get', 'delete'],
    scope: 'cluster',
    why: 'to give addresses and take them back; get, to see who was faster',
  },
  cached('configmaps'),
  {
    resource: core('configmaps'),
    verbs: ['get'],
    scope: 'cluster',
    why: "to read a service's files where its package is one; of all others only the metadata is followed",
  },
  {
    resource: core('events'),
    verbs: ['create', 'patch'],
    scope: 'cluster',
    why: 'to tell people what happens to their objects',
  },
  {
    resource: LEASES,
    verbs: ['create'],
    scope: 'namespace',
    feature: 'leaderElection',
    why: 'to be elected among several replicas, the first time; create can not be confined to a name',
  },
  {
    resource: LEASES,
    verbs: ['get', 'update'],
    scope: 'namespace',
    object: 'lease',
    feature: 'leaderElection',
    why: 'to be elected among several replicas',
  },
  {
    resource: core('secrets'),
    verbs: ['create'],
    scope: 'namespace',
    feature: 'authority',
    why: "to make the authority of the hosts' certificates, once; create can not be confined to a name",
  },
  {
    resource: core('secrets'),
    verbs: ['get'],
    scope: 'namespace',
    object: 'authority',
    feature: 'authority',
    why: "to keep the authority of the hosts' certificates",
  },
];

/** The rule that grants a permission, where the objects have those names. */
export function ruleOf(
  { resource, subresource, verbs, object }: Permission,
  names: ObjectNames = OBJECT_NAMES,
): RbacRule {
  const path = subresource === undefined ? resource.plural : `${resource.plural}/${subresource}`;
  const rule = { apiGroups: [resource.group], resources: [path], verbs };
  return object === undefined ? rule : { ...rule, resourceNames: [names[object]] };
}
