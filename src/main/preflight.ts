import { codesOf, DISTRUST } from '../../controllers/daemons/link-problem.ts';
import type { KubeObject, ObjectName, ResourceRef } from '../base/object.ts';
import { shownUrl } from '../base/shown-url.ts';
import { ApiError, isNotFound, isUnreachable } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client/client.ts';
import { missingFields } from './crd-fields.ts';
import { OBJECT_NAMES, PERMISSIONS, type Permission, type RbacRule, ruleOf } from './permissions.ts';

/** What the operator needs from the API server before it can begin. */
export interface Needs {
  /** The API server's address, for messages. */
  readonly server: string;
  readonly kinds: readonly ResourceRef[];
  /** The namespace of the Lease; undefined without leader election. */
  readonly leaseNamespace: string | undefined;
  /** The Secret of the hosts' authority; undefined when certificates were given. */
  readonly authority: ObjectName | undefined;
  /** Whether hosts may join. */
  readonly enrolment: boolean;
  /** Whether it serves streams. */
  readonly streams: boolean;
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
  'install the chart coppice-crds, or apply the manifests in crds/; the operator then continues by itself';
const DISCOVERY = '/apis/coppice.dev/v1alpha1';
/** More are counted, not listed: messages must stay readable. */
const MOST_NAMED = 8;

/**
 * What prevents the operator from working, in one sentence, and what to do about it. The API server may be unreachable or not
 * trusted; it may not accept the operator's credentials; kinds, fields or permissions may be missing. Undefined when there is
 * no obstacle. Rejects only when the signal fires.
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
  // Several features may need the same one.
  const found = new Set<string>();
  for (const [namespace, permissions] of wantedByNamespace(needs)) {
    const rules = await rulesIn(client, namespace, signal);
    if (rules === undefined) continue;
    const names = { ...OBJECT_NAMES, authority: needs.authority?.name ?? OBJECT_NAMES.authority };
    for (const permission of permissions) {
      const where = permission.scope === 'namespace' ? ` in namespace ${namespace}` : '';
      for (const verb of refusedVerbs(ruleOf(permission, names), rules)) found.add(`${verb}${where}`);
    }
  }
  if (found.size === 0) return undefined;
  const missing = [...found];
  const more = missing.length > MOST_NAMED ? ` and ${missing.length - MOST_NAMED} more` : '';
  return (
    `the operator may not ${missing.slice(0, MOST_NAMED).join(', ')}${more}: ` +
    "bind its account to the chart coppice's roles (rbac.create), or to roles with the same rules"
  );
}

/** The needed permissions by the namespace in which to check them. Cluster-wide ones can be checked in any namespace. */
function wantedByNamespace(needs: Needs): ReadonlyMap<string, readonly Permission[]> {
  const { leaseNamespace, authority, enrolment, streams } = needs;
  const anywhere = authority?.namespace ?? leaseNamespace ?? 'default';
  const wanted = new Map<string, Permission[]>();
  for (const permission of PERMISSIONS.filter(({ scope }) => scope !== 'chosen')) {
    const places = {
      always: anywhere,
      leaderElection: leaseNamespace,
      authority: authority?.namespace,
      enrolment: enrolment ? anywhere : undefined,
      streams: streams ? anywhere : undefined,
    };
    const place = places[permission.feature ?? 'always'];
    if (place !== undefined) wanted.set(place, [...(wanted.get(place) ?? []), permission]);
  }
  return wanted;
}

/** The operator's permissions in a namespace; undefined if the API server's authorizer cannot list all that it allows. */
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
      // Without a name: the API server answers, and stores nothing.
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

function holds(list: readonly string[], ...names: readonly string[]): boolean {
  return list.includes('*') || names.some((name) => list.includes(name));
}

/** Why a request failed, and what a person can do about it. */
function sentenceOf(error: unknown, server: string): string {
  const codes = codesOf(error);
  if (codes.includes('ERR_TLS_CERT_ALTNAME_INVALID')) {
    return `the certificate of the API server at ${shownUrl(server)} is for other names: use a name or address that is in the certificate`;
  }
  const distrust = codes.find((code) => DISTRUST.has(code));
  if (distrust !== undefined) {
    return `the certificate of the API server at ${shownUrl(server)} is not trusted (${distrust}): the kubeconfig, or the service account's ca.crt, must contain the CA that signed it`;
  }
  if (isUnreachable(error)) {
    return `the API server at ${shownUrl(server)} does not answer (${codes[0] ?? error.reason}): check that it runs and can be reached from here; the operator keeps trying`;
  }
  if (error instanceof ApiError && error.status === 401) {
    return `the API server at ${shownUrl(server)} does not accept the operator's credentials: renew the kubeconfig's token or certificate, or mount the pod's service account token`;
  }
  const message = error instanceof Error ? error.message : String(error);
  return `the API server at ${shownUrl(server)} answers with an error: ${message}`;
}
