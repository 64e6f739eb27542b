import { describe, expect, it } from 'vitest';
import { HOSTS, TEMPLATES } from '../api/kinds.ts';
import { ApiError } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client/client.ts';
import { OBJECT_NAMES, PERMISSIONS, ruleOf } from './permissions.ts';
import { findObstacle, type Needs } from './preflight.ts';

const NEEDS: Needs = {
  server: 'https://10.0.0.1:6443',
  kinds: [HOSTS, TEMPLATES],
  leaseNamespace: 'kube-system',
  authority: { namespace: 'coppice-system', name: 'our-hosts' },
  enrolment: true,
  streams: true,
};
const NEVER = new AbortController().signal;
const ALL = [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }];
const NEEDED = PERMISSIONS.map((each) => ruleOf(each, { ...OBJECT_NAMES, authority: 'our-hosts' }));

interface Answers {
  readonly resources?: readonly string[];
  readonly rules?: readonly object[];
  /** In place of them, in that namespace. */
  readonly rulesIn?: Readonly<Record<string, readonly object[]>>;
  readonly isIncomplete?: boolean;
  readonly discovery?: unknown;
}

/** An API server of which only the given things are out of order. */
function server({
  resources = ['hosts', 'templates'],
  rules = ALL,
  rulesIn = {},
  isIncomplete,
  discovery,
}: Answers): KubeClient {
  const getRaw = async (path: string) => {
    if (discovery !== undefined) throw discovery;
    if (!path.startsWith('/openapi')) return { resources: resources.map((name) => ({ name })) };
    return {};
  };
  const create = async (_ref: unknown, { spec }: { spec: { namespace: string } }) => ({
    metadata: {},
    status: { resourceRules: rulesIn[spec.namespace] ?? rules, incomplete: isIncomplete },
  });
  return { getRaw, create } as unknown as KubeClient;
}

function secretsRule(name: string): object {
  return { apiGroups: [''], resources: ['secrets'], resourceNames: [name], verbs: ['get'] };
}

function unreachable(code: string): ApiError {
  const cause = Object.assign(new Error('failed'), { code });
  return new ApiError({ status: 0, reason: 'Unreachable', message: 'no answer', cause });
}

const refused = (status: number) =>
  new ApiError({ status, reason: 'Refused', message: 'get /apis: refused' });

describe('an operator’s obstacle', () => {
  it.each<[string, Answers, string]>([
    [
      'no kinds at all',
      { discovery: refused(404) },
      'the kinds of coppice.dev/v1alpha1 are not installed: install the chart coppice-crds',
    ],
    [
      'one kind missing',
      { resources: ['hosts'] },
      'Template are not installed: install the chart coppice-crds',
    ],
    ['no permissions', { rules: [] }, 'the operator may not list hosts, watch hosts, patch hosts/status'],
    [
      'one verb missing',
      { rules: NEEDED.filter(({ resources }) => resources[0] !== 'events') },
      "the operator may not create events, patch events: bind its account to the chart coppice's roles",
    ],
    [
      'permission for another Secret',
      { rules: [...NEEDED.filter(({ resources }) => resources[0] !== 'secrets'), secretsRule('other')] },
      'the operator may not create secrets in namespace coppice-system, get secrets (our-hosts) in namespace coppice-system: bind',
    ],
    [
      'no permission for the Lease',
      { rulesIn: { 'kube-system': [] } },
      'the operator may not create leases in namespace kube-system, get leases (coppice-operator) in namespace kube-system, update leases',
    ],
    [
      'no answer',
      { discovery: unreachable('ECONNREFUSED') },
      'the API server at https://10.0.0.1:6443 does not answer (ECONNREFUSED): check that it runs',
    ],
    [
      'another authority',
      { discovery: unreachable('SELF_SIGNED_CERT_IN_CHAIN') },
      'is not trusted (SELF_SIGNED_CERT_IN_CHAIN): the kubeconfig',
    ],
    [
      'another name',
      { discovery: unreachable('ERR_TLS_CERT_ALTNAME_INVALID') },
      'is for other names: use a name',
    ],
    ['old credentials', { discovery: refused(401) }, "does not accept the operator's credentials"],
    ['anything else', { discovery: refused(500) }, 'answers with an error: get /apis: refused'],
    [
      'fields that are not served',
      { rules: NEEDED },
      'the installed kinds are of an older release, without Host.apiVersion',
    ],
  ])('%s', async (_, answers, sentence) => {
    const obstacle = await findObstacle(server(answers), NEEDS, NEVER);
    expect(obstacle).toContain(sentence);
    expect(obstacle).not.toContain('\n');
  });

  it('is not a permission for features that are off', async () => {
    const needs = {
      ...NEEDS,
      leaseNamespace: undefined,
      authority: undefined,
      enrolment: false,
      streams: false,
    };
    const off = ['secrets', 'leases', 'tokenreviews', 'subjectaccessreviews', 'apiservices'];
    const rules = NEEDED.filter(({ resources: [resource = ''] }) => !off.includes(resource));
    expect(await findObstacle(server({ rules }), needs, NEVER)).not.toContain('may not');
    expect(await findObstacle(server({ rules }), NEEDS, NEVER)).toContain(
      'may not create tokenreviews, create subjectaccessreviews, get apiservices',
    );
  });

  it('is not a permission that the authorizer cannot list', async () => {
    const obstacle = await findObstacle(server({ rules: [], isIncomplete: true }), NEEDS, NEVER);
    expect(obstacle).not.toContain('may not');
  });
});
