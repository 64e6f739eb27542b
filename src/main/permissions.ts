import { SUBRESOURCES_GROUP, SUBRESOURCES_VERSION } from '../api/subresources.ts';
import type { ResourceRef } from '../base/object.ts';

type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';

/** An optional feature of the operator. */
type Feature = 'leaderElection' | 'authority' | 'enrolment' | 'streams';

/** The names of objects that the operator uses by name. */
export interface ObjectNames {
  /** The Lease that leaders hold. */
  readonly lease: string;
  /** The Secret with the authority of the hosts. */
  readonly authority: string;
  /** The APIService by which API servers pass requests for streams on. */
  readonly apiService: string;
}

/** The default names. */
export const OBJECT_NAMES: ObjectNames = {
  lease: 'coppice-operator',
  authority: 'coppice-hosts',
  apiService: `${SUBRESOURCES_VERSION}.${SUBRESOURCES_GROUP}`,
};

/** The RBAC permission that a call of the operator needs. */
export interface Permission {
  readonly resource: Pick<ResourceRef, 'group' | 'plural'>;
  readonly subresource?: string;
  readonly verbs: readonly Verb[];
  /**
   * `namespace`: only in the namespace of the Lease or the Secret. `chosen`: in the namespaces that the administrator chooses; the
   * operator begins without it, and says what it may not do when it is asked for it.
   */
  readonly scope: 'cluster' | 'namespace' | 'chosen';
  /** The only object, if the permission is for one; RBAC cannot restrict create, list and watch to one. */
  readonly object?: keyof ObjectNames;
  /** Needed only with this feature. */
  readonly feature?: Feature;
  /** What it is for. */
  readonly why: string;
  /** The API server itself checks it, so no request of the operator shows it. */
  readonly isImplicit?: true;
}

/** A rule of a Role or ClusterRole. */
export interface RbacRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  /** All objects if absent or empty. */
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
  why: 'to watch them',
});

const reported = (plural: string): Permission => ({
  resource: ours(plural),
  subresource: 'status',
  verbs: ['patch'],
  scope: 'cluster',
  why: 'to report their state in their status',
});

const held = (plural: string): Permission => ({
  resource: ours(plural),
  verbs: ['patch'],
  scope: 'cluster',
  why: 'to keep them, with a finalizer, until everything that depends on them is gone',
});

/**
 * Every verb that the operator uses. The chart's RBAC is generated from it (`npm run generate`). Before it starts, the operator
 * compares it with its actual permissions. A test with the API server's audit log fails for a verb that is missing here, or is
 * never used.
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
    why: 'to register hosts that join; patch, above, to change their addresses',
  },
  {
    resource: { group: 'authentication.k8s.io', plural: 'tokenreviews' },
    verbs: ['create'],
    scope: 'cluster',
    feature: 'enrolment',
    why: 'to verify the token with which a host joins',
  },
  {
    resource: ours('hosts'),
    verbs: ['get'],
    scope: 'cluster',
    feature: 'streams',
    why: 'to open streams to the daemon that has an appliance',
  },
  {
    resource: { group: 'authentication.k8s.io', plural: 'tokenreviews' },
    verbs: ['create'],
    scope: 'cluster',
    feature: 'streams',
    why: 'to find out which user asks for a stream',
  },
  {
    resource: { group: 'authorization.k8s.io', plural: 'subjectaccessreviews' },
    verbs: ['create'],
    scope: 'cluster',
    feature: 'streams',
    why: 'to find out whether the user may have it',
  },
  {
    resource: { group: 'apiregistration.k8s.io', plural: 'apiservices' },
    verbs: ['get', 'patch'],
    scope: 'cluster',
    object: 'apiService',
    feature: 'streams',
    why: "to tell the API server the authority of the streams' server",
  },
  cached('templates'),
  {
    resource: ours('templates'),
    verbs: ['get'],
    scope: 'cluster',
    feature: 'streams',
    why: 'to find out which file may be pushed for a template',
  },
  {
    resource: ours('templates'),
    verbs: ['get', 'create', 'delete'],
    scope: 'cluster',
    why: 'to make images of the appliances of recalled services, and to give up those of a recall that is taken back',
  },
  reported('templates'),
  held('templates'),
  {
    resource: ours('templates'),
    verbs: ['delete'],
    scope: 'cluster',
    why: 'to remove those that were unused for their coolDown',
  },
  cached('templatelabels'),
  reported('templatelabels'),
  cached('templatefollows'),
  reported('templatefollows'),
  cached('servicedeployments'),
  reported('servicedeployments'),
  {
    resource: ours('servicedeployments'),
    verbs: ['patch'],
    scope: 'cluster',
    why: "to fill in a task's number of replicas, for kubectl scale and autoscalers",
  },
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
    why: 'to create the appliances of a task; get, to see who owns an existing one of the same name',
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
    why: 'to assign and release addresses; get, to see who holds an address that was just taken',
  },
  cached('configmaps'),
  {
    resource: core('configmaps'),
    verbs: ['get', 'create', 'delete'],
    scope: 'cluster',
    why:
      "to read a service's files, if its package is a ConfigMap (of all others only the metadata is watched), and to keep, as " +
      'immutable ConfigMaps of their task, the contents in use',
  },
  {
    resource: core('events'),
    verbs: ['create', 'patch'],
    scope: 'cluster',
    why: 'to record what happens to objects',
  },
  {
    resource: LEASES,
    verbs: ['create'],
    scope: 'namespace',
    feature: 'leaderElection',
    why: 'to elect a leader among several replicas, the first time; create cannot be restricted to a name',
  },
  {
    resource: LEASES,
    verbs: ['get', 'update'],
    scope: 'namespace',
    object: 'lease',
    feature: 'leaderElection',
    why: 'to elect a leader among several replicas',
  },
  {
    resource: core('secrets'),
    verbs: ['create'],
    scope: 'namespace',
    feature: 'authority',
    why: "to create the authority of the hosts' certificates, once; create cannot be restricted to a name",
  },
  {
    resource: core('secrets'),
    verbs: ['get'],
    scope: 'namespace',
    object: 'authority',
    feature: 'authority',
    why: "to read the authority of the hosts' certificates",
  },
  {
    resource: core('secrets'),
    verbs: ['get'],
    scope: 'chosen',
    why: 'to read user data of cloud-init that is in a Secret (parameters.cloudInit.userDataSecret), and Secrets that builds of templates copy',
  },
];

/** The rule that grants a permission, for objects of these names. */
export function ruleOf(
  { resource, subresource, verbs, object }: Permission,
  names: ObjectNames = OBJECT_NAMES,
): RbacRule {
  const path = subresource === undefined ? resource.plural : `${resource.plural}/${subresource}`;
  const rule = { apiGroups: [resource.group], resources: [path], verbs };
  return object === undefined ? rule : { ...rule, resourceNames: [names[object]] };
}
