import { createHash } from 'node:crypto';
import {
  SUBRESOURCES_GROUP,
  SUBRESOURCES_ROOT,
  SUBRESOURCES_VERSION,
  subresourcesGroup,
  subresourcesList,
} from '../../api/subresources.ts';
import { NAMESPACES } from '../core-kinds/cluster.ts';
import { CRD_BUCKET } from '../core-kinds/crds.ts';
import { REVIEW_KINDS } from '../handlers/review-kinds.ts';
import type { Registry } from '../registry/registry.ts';
import { apiVersionOf, type Resource } from '../registry/resource.ts';
import { compareVersions } from '../registry/versions.ts';

const SUBRESOURCE_VERBS = ['get', 'patch', 'update'];

/** One resource of the legacy `APIResourceList`. */
interface ApiResource {
  name: string;
  singularName: string;
  namespaced: boolean;
  kind: string;
  group?: string;
  version?: string;
  verbs: readonly string[];
  shortNames?: readonly string[];
  categories?: readonly string[];
  storageVersionHash?: string;
}

/** A group with its versions, the preferred one first. */
interface Group {
  name: string;
  versions: string[];
}

/** Kubernetes' own groups come first, in the order of their priority in kube-apiserver. */
const FIRST: readonly string[] = [
  'events.k8s.io',
  'authentication.k8s.io',
  'authorization.k8s.io',
  'rbac.authorization.k8s.io',
  'apiextensions.k8s.io',
  'coordination.k8s.io',
];

/** The groups in order: those after Kubernetes' own by their keys. */
function ordered(groups: readonly Group[], keyOf: (group: Group) => string): Group[] {
  const rank = ({ name }: Group): number => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
  return groups.toSorted((a, b) => rank(a) - rank(b) || (keyOf(a) < keyOf(b) ? -1 : 1));
}

/** Groups as discovery lists them, without the core group. */
function groupsOf(registry: Registry): Group[] {
  const versions = new Map<string, Set<string>>();
  const served = [...registry.all(), ...REVIEW_KINDS];
  for (const { group, version } of served) {
    if (group !== '') versions.set(group, (versions.get(group) ?? new Set()).add(version));
  }
  return [...versions].map(([name, found]) => ({ name, versions: [...found].sort(compareVersions) }));
}

/** Changes with the version that is stored. It is kube-apiserver's, which keeps definitions as v1beta1 to this day. */
function storageVersionHash({ bucket, kind, storedApiVersion }: Resource): string {
  const stored = bucket === CRD_BUCKET ? storedApiVersion.replace('v1', 'v1beta1') : storedApiVersion;
  const inGroup = stored.includes('/') ? stored : `/${stored}`;
  const hash = createHash('sha256').update(`${inGroup}/${kind}`).digest();
  return hash.subarray(0, 8).toString('base64');
}

function entriesOf(resource: Resource): ApiResource[] {
  const { plural, singular, namespaced, kind, shortNames, categories, hasStatus, scale } = resource;
  const main: ApiResource = {
    name: plural,
    singularName: singular,
    namespaced,
    kind,
    verbs: resource.verbs,
    ...(shortNames.length > 0 ? { shortNames } : {}),
    ...(categories.length > 0 ? { categories } : {}),
    storageVersionHash: storageVersionHash(resource),
  };
  const sub = { singularName: '', namespaced, verbs: SUBRESOURCE_VERBS };
  return [
    main,
    ...(resource.bucket === NAMESPACES
      ? [{ ...sub, name: `${plural}/finalize`, kind, verbs: ['update'] }]
      : []),
    ...(hasStatus ? [{ ...sub, name: `${plural}/status`, kind }] : []),
    ...(scale === undefined
      ? []
      : [{ ...sub, name: `${plural}/scale`, group: 'autoscaling', version: 'v1', kind: 'Scale' }]),
  ];
}

function resourcesOf(registry: Registry, group: string, version: string): ApiResource[] {
  const here = (thing: { group: string; version: string }): boolean =>
    thing.group === group && thing.version === version;
  const reviews = REVIEW_KINDS.filter(here).map(({ plural, kind, namespaced }) => ({
    name: plural,
    singularName: kind.toLowerCase(),
    namespaced,
    kind,
    verbs: ['create'],
  }));
  const found = registry.all().filter(here).flatMap(entriesOf);
  // Groups of custom resources keep the order of their definitions.
  return hasCustom(registry, group)
    ? [...found, ...reviews]
    : [...found, ...reviews].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Whether it is a group of custom resources. */
function hasCustom(registry: Registry, group: string): boolean {
  return registry.all().some((resource) => resource.group === group && resource.custom);
}

function apiGroup({ name, versions }: Group): object {
  const named = versions.map((version) => ({ groupVersion: `${name}/${version}`, version }));
  return { name, versions: named, preferredVersion: named[0] };
}

/** The aggregated form nests subresources in their resource. Of Kubernetes' own kinds it leaves out the group and version. */
function aggregatedResources(registry: Registry, name: string, version: string): object[] {
  const resources = resourcesOf(registry, name, version);
  const place = hasCustom(registry, name) ? { group: name, version } : { group: '', version: '' };
  const kindOf = (entry: ApiResource): object => ({
    group: entry.group ?? place.group,
    version: entry.version ?? place.version,
    kind: entry.kind,
  });
  return resources
    .filter(({ name }) => !name.includes('/'))
    .map((entry) => {
      const subresources = resources
        .filter(({ name }) => name.startsWith(`${entry.name}/`))
        .map((sub) => ({
          subresource: sub.name.slice(entry.name.length + 1),
          responseKind: kindOf(sub),
          verbs: sub.verbs,
        }));
      return {
        resource: entry.name,
        responseKind: kindOf(entry),
        scope: entry.namespaced ? 'Namespaced' : 'Cluster',
        singularResource: entry.singularName,
        verbs: entry.verbs,
        ...(entry.shortNames ? { shortNames: entry.shortNames } : {}),
        ...(entry.categories ? { categories: entry.categories } : {}),
        ...(subresources.length > 0 ? { subresources } : {}),
      };
    });
}

function aggregated(registry: Registry, groups: readonly Group[], hasExtension: boolean): object {
  const items = groups.map(({ name, versions }) => ({
    metadata: name === '' ? {} : { name },
    versions: versions.map((version) => ({
      version,
      resources: aggregatedResources(registry, name, version),
      freshness: 'Current',
    })),
  }));
  const all = hasExtension ? [...items, extensionItem()] : items;
  return { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {}, items: all };
}

/** The extension's group. Its resources are only there to have subresources, and so have no kind and no verbs. */
function extensionItem(): object {
  const group = { group: SUBRESOURCES_GROUP, version: SUBRESOURCES_VERSION };
  const main = { singularResource: '', scope: 'Namespaced', verbs: null };
  const responseKind = { group: '', version: '', kind: '' };
  const listed = subresourcesList().resources.map((one) => ({ ...one, parts: one.name.split('/') }));
  const byResource = Map.groupBy(listed, ({ parts }) => parts[0]);
  const resources = [...byResource].map(([resource, ofOne]) => {
    const subresources = ofOne.map(({ parts, kind, verbs }) => ({
      subresource: parts[1],
      responseKind: { ...group, kind },
      verbs,
    }));
    return { resource, ...main, responseKind, subresources };
  });
  const versions = [{ version: SUBRESOURCES_VERSION, resources, freshness: 'Current' }];
  return { metadata: { name: SUBRESOURCES_GROUP }, versions };
}

/** What discovery tells of. */
export interface Served {
  readonly registry: Registry;
  /** Whether the group `subresources.coppice.dev` is served, too. */
  readonly hasExtension: boolean;
}

/** Answers `/api`, `/apis` and the discovery paths below them; undefined for any other path. */
export function discover(served: Served, path: string, wantsAggregated: boolean): object | undefined {
  const { registry, hasExtension } = served;
  if (hasExtension && path === SUBRESOURCES_ROOT) return subresourcesList();
  if (hasExtension && path === `/apis/${SUBRESOURCES_GROUP}`) {
    return { kind: 'APIGroup', apiVersion: 'v1', ...subresourcesGroup() };
  }
  const groups = groupsOf(registry);
  const [root, group, version] = path.slice(1).split('/');
  if (path === '/api') {
    if (wantsAggregated) return aggregated(registry, [{ name: '', versions: ['v1'] }], false);
    return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
  }
  if (path === '/apis') {
    if (wantsAggregated) {
      return aggregated(
        registry,
        ordered(groups, ({ name }) => name),
        hasExtension,
      );
    }
    // There each group stands where its preferred version does among all versions of all groups.
    const all = ordered(groups, ({ name, versions }) => `${versions[0]}.${name}`).map(apiGroup);
    const extension = hasExtension ? [subresourcesGroup()] : [];
    return { kind: 'APIGroupList', apiVersion: 'v1', groups: [...all, ...extension] };
  }
  if (path === '/api/v1') return resourceList(registry, '', 'v1');
  const found = groups.find(({ name }) => name === group);
  if (root !== 'apis' || found === undefined) return undefined;
  if (version === undefined) return { kind: 'APIGroup', apiVersion: 'v1', ...apiGroup(found) };
  return found.versions.includes(version) ? resourceList(registry, found.name, version) : undefined;
}

function resourceList(registry: Registry, group: string, version: string): object {
  const resources = resourcesOf(registry, group, version);
  return {
    kind: 'APIResourceList',
    // kube omits it for the core group, whose list is older than the field.
    ...(group === '' ? {} : { apiVersion: 'v1' }),
    groupVersion: apiVersionOf({ group, version }),
    resources,
  };
}
