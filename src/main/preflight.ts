import { codesOf, DISTRUST } from '../../controllers/daemons/link-problem.ts';
import type { KubeObject, ObjectName, ResourceRef } from '../api/object.ts';
import { ApiError, isNotFound, isUnreachable } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client/client.ts';
import { missingFields } from './crd-fields.ts';
import { OBJECT_NAMES, PERMISSIONS, type Permission, type RbacRule, ruleOf } from './permissions.ts';

/** What an operator needs of the API server before it can begin. */
export interface Needs {
  /** The API server's address, for people. */
  readonly server: string;
  readonly kinds: readonly ResourceRef[];
  /** The namespace of the Lease; undefined without leader election. */
  readonly leaseNamespace: string | undefined;
  /** The Secret of the hosts' authority; undefined when certificates were given. */
  readonly authority: ObjectName | undefined;
  /** Whether hosts may join. */
  readonly enrolment: boolean;
}

interface RulesReview extends KubeObject {
  spec: { namespace: string };
  status?: { resourceRules?: RbacRule[]; incomplete?: boolean };
}

const RULES_REVIEWS: ResourceRef<RulesReview> = {
  group: 'authorization.k8s.io',
  version: 'v1',
  plural: 'selfsubjectrulesreviews',
  kind: 'SelfSubjectRulesReview',
  namespaced: false,
};

const INSTALL_CRDS =
  'install the chart coppice-crds, or apply the manifests in crds/; it goes on by itself when they are there';
const DISCOVERY = '/apis/coppice.dev/v1alpha1';
/** What people can take in at once. */
const MOST_NAMED = 8;

/**
 * What keeps an operator from beginning, in one sentence with its remedy: the API server cannot be reached or trusted, does not
 * trust us, lacks kinds or fields of them, or does not let us do what we must. Undefined when nothing does.
 * Rejects only when the signal fires.
 */
export async function findObstacle(
  client: KubeClient,
  needs: Needs,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    return (
      (await missingKinds(client, needs, signal)) ??
      (await missingPermissions(client, needs, signal)) ??
      (await missingFields(client, needs.kinds, signal))
    );
  } catch (error) {
    if (signal.aborted) throw error;
    return sentenceOf(error, needs.server);
  }
}

async function missingKinds(
  client: KubeClient,
  { kinds }: Needs,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const found = (await client.getRaw(DISCOVERY, { signal })) as { resources?: { name?: string }[] };
    const names = new Set(found.resources?.map(({ name }) => name));
    const missing = kinds.filter(({ plural }) => !names.has(plural)).map(({ kind }) => kind);
    return missing.length === 0 ? undefined : `${missing.join(', ')} are not installed: ${INSTALL_CRDS}`;
  } catch (error) {
    if (isNotFound(error)) return `the kinds of coppice.dev/v1alpha1 are not installed: ${INSTALL_CRDS}`;
    throw error;
  }
}

async function missingPermissions(
  client: KubeClient,
  needs: Needs,
  signal: AbortSignal,
): Promise<string | undefined> {
  const missing: string[] = [];
  for (const [namespace, permissions] of wantedByNamespace(needs)) {
    const rules = await rulesIn(client, namespace, signal);
    if (rules === undefined) continue;
    const names = { ...OBJECT_NAMES, authority: needs.authority?.name ?? OBJECT_NAMES.authority };
    for (const permission of permissions) {
      const where = permission.scope === 'namespace' ? ` in namespace ${namespace}` : '';
      missing.push(...refusedVerbs(ruleOf(permission, names), rules).map((words) => `${words}${where}`));
    }
  }
  if (missing.length === 0) return undefined;
  const more = missing.length > MOST_NAMED ? ` and ${missing.length - MOST_NAMED} more` : '';
  return (
    `the operator may not ${missing.slice(0, MOST_NAMED).join(', ')}${more}: ` +
    "bind its account to the chart coppice's roles (rbac.create), or to roles with the same rules"
  );
}

/** What is needed with the features that are on, by where to ask for it: what holds everywhere can be asked for anywhere. */
function wantedByNamespace(needs: Needs): ReadonlyMap<string, readonly Permission[]> {
  const { leaseNamespace, authority, enrolment } = needs;
  const anywhere = authority?.namespace ?? leaseNamespace ?? 'default';
  const wanted = new Map<string, Permission[]>();
  for (const permission of PERMISSIONS) {
    const places = {
      always: anywhere,
      leaderElection: leaseNamespace,
      authority: authority?.namespace,
      enrolment: enrolment ? anywhere : undefined,
    };
    const place = places[permission.feature ?? 'always'];
    if (place !== undefined) wanted.set(place, [...(wanted.get(place) ?? []), permission]);
  }
  return wanted;
}

/** What we may do in a namespace; undefined where the API server's authorizer can not list it: it may allow more than it lists. */
async function rulesIn(
  client: KubeClient,
  namespace: string,
  signal: AbortSignal,
): Promise<readonly RbacRule[] | undefined> {
  const { status } = await client.create(
    RULES_REVIEWS,
    {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectRulesReview',
      // There is no name: the API server answers and keeps nothing.
      metadata: { name: '' },
      spec: { namespace },
    },
    { signal },
  );
  return status?.incomplete === true ? undefined : (status?.resourceRules ?? []);
}

function refusedVerbs(wanted: RbacRule, rules: readonly RbacRule[]): string[] {
  const [group = '', resource = '', name] = [
    wanted.apiGroups[0],
    wanted.resources[0],
    wanted.resourceNames?.[0],
  ];
  const [, subresource] = resource.split('/');
  const fitting = rules.filter(
    (rule) =>
      holds(rule.apiGroups, group) &&
      holds(rule.resources, resource, `*/${subresource}`) &&
      isAbout(rule, name),
  );
  return wanted.verbs
    .filter((verb) => !fitting.some((rule) => holds(rule.verbs, verb)))
    .map((verb) => `${verb} ${resource}${name === undefined ? '' : ` (${name})`}`);
}

/** Whether the rule is for all objects, or for that one. */
function isAbout({ resourceNames = [] }: RbacRule, name: string | undefined): boolean {
  return resourceNames.length === 0 || (name !== undefined && resourceNames.includes(name));
}

function holds(list: readonly string[], ...words: readonly string[]): boolean {
  return list.includes('*') || words.some((word) => list.includes(word));
}

/** Why a request failed, as somebody can act on it who has not read the code. */
function sentenceOf(error: unknown, server: string): string {
  const codes = codesOf(error);
  if (codes.includes('ERR_TLS_CERT_ALTNAME_INVALID')) {
    return `the certificate of the API server at ${server} is for other names: reach it by a name or address that the certificate carries`;
  }
  const distrust = codes.find((code) => DISTRUST.has(code));
  if (distrust !== undefined) {
    return `the certificate of the API server at ${server} is not trusted (${distrust}): the kubeconfig, or the service account's ca.crt, must hold the authority that signed it`;
  }
  if (isUnreachable(error)) {
    return `the API server at ${server} does not answer (${codes[0] ?? error.reason}): see that it runs and can be reached from here; it is asked again and again`;
  }
  if (error instanceof ApiError && error.status === 401) {
    return `the API server at ${server} does not accept the operator's credentials: renew the kubeconfig's token or certificate, or mount the pod's service account token`;
  }
  const words = error instanceof Error ? error.message : String(error);
  return `the API server at ${server} refuses to be asked: ${words}`;
}
