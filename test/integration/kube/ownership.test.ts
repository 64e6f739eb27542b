import { afterAll, beforeAll, expect, it } from 'vitest';
import { findKubectl, Kubectl, type KubectlResult, NO_KUBECTL } from '../../kubectl.ts';
import { startTestApi, type TestApi } from '../../kubernetes/factory.ts';
import { describeUnless } from '../../skip.ts';
import { eventually } from '../operator/eventually.ts';

const program = await findKubectl();

const ROLES = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: editor}
rules:
  - {apiGroups: [coppice.dev], resources: [templatelabels, templatefollows], verbs: ['get', list, create, update, patch, delete, deletecollection]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: for-others}
rules:
  - {apiGroups: [coppice.dev], resources: [templatelabels, templatefollows], verbs: [own-for-others]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: editors}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: editor}
subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: 'system:authenticated'}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: flux, namespace: default}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: for-others}
subjects: [{kind: ServiceAccount, name: flux, namespace: flux-system}]
`;
const FLUX = 'system:serviceaccount:flux-system:flux';

interface Owned {
  readonly plural: string;
  readonly field: string;
  /** A manifest as JSON, which is YAML, too. */
  readonly manifest: (name: string, owner: string, change?: object, namespace?: string) => string;
  /** What its owner may change. */
  readonly change: string;
}

const manifest = (kind: string, name: string, namespace: string, spec: object, metadata: object = {}) =>
  JSON.stringify({
    apiVersion: 'coppice.dev/v1alpha1',
    kind,
    metadata: { name, namespace, ...metadata },
    spec,
  });

const KINDS: readonly Owned[] = [
  {
    plural: 'templatelabels',
    field: 'owner',
    manifest: (name, owner, change = {}, namespace = 'default') =>
      manifest('TemplateLabel', name, namespace, { title: name, owner, ...change }),
    change: '{"spec":{"title":"Another"}}',
  },
  {
    plural: 'templatefollows',
    field: 'user',
    manifest: (name, user, change = {}, namespace = 'default') =>
      manifest('TemplateFollow', name, namespace, { user, ...change }),
    change: '{"spec":{"labels":["default/lamp"]}}',
  },
];

describeUnless(program === undefined ? NO_KUBECTL : undefined, 'objects with owners', () => {
  let api: TestApi;
  let kubectl: Kubectl;

  beforeAll(async () => {
    api = await startTestApi();
    kubectl = new Kubectl(program as string, api.kubeconfigPath);
    await kubectl.ok(['apply', '-f', '-'], ROLES);
    // A cluster's policies come into force some seconds after they are stored.
    for (const { manifest } of KINDS) {
      await eventually('others are refused', async () => {
        const dry = await as('bea', ['create', '--dry-run=server', '-f', '-'], manifest('probe', 'ann'));
        expect(dry.stderr).toContain('only the user in spec.');
      });
    }
  });
  afterAll(() => api?.stop());

  const as = (user: string, args: readonly string[], input = ''): Promise<KubectlResult> =>
    kubectl.run([...args, `--as=${user}`], input);
  const succeeds = async (user: string, args: readonly string[], input = '') => {
    const { code, stderr, stdout } = await as(user, args, input);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    return stdout;
  };
  const refuses = async ({ plural, field }: Owned, user: string, args: readonly string[], input = '') => {
    const { code, stderr } = await as(user, args, input);
    expect(code).toBe(1);
    expect(stderr).toContain('(Forbidden)');
    expect(stderr).toContain(
      `only the user in spec.${field} creates, changes and deletes it, and who has the verb own-for-others on ${plural} of ` +
        'coppice.dev in this namespace: kubectl auth whoami says who you are',
    );
  };
  const CREATE = ['create', '-f', '-'];

  it.each(KINDS)('$plural are made by their owners only, however they are made', async (kind) => {
    for (const how of [CREATE, ['apply', '-f', '-'], ['apply', '--server-side', '-f', '-']]) {
      await refuses(kind, 'bea', how, kind.manifest('made', 'ann'));
      await refuses(kind, FLUX, how, kind.manifest('made', 'ann').replace('"default"', '"kube-public"'));
    }
    await succeeds('ann', CREATE, kind.manifest('made', 'ann'));
  });

  it.each(KINDS)('$plural are changed by their owners only, who cannot give them away', async (kind) => {
    await succeeds('ann', CREATE, kind.manifest('kept', 'ann'));
    const patch = (body: string) => ['patch', kind.plural, 'kept', '--type=merge', '-p', body];
    await refuses(kind, 'bea', patch(kind.change));
    await refuses(kind, 'bea', ['label', kind.plural, 'kept', 'a=b']);
    await refuses(kind, 'bea', ['replace', '-f', '-'], kind.manifest('kept', 'bea'));
    await refuses(kind, 'ann', patch(`{"spec":{"${kind.field}":"bea"}}`));
    await refuses(kind, 'bea', patch(`{"spec":{"${kind.field}":"bea"}}`));
    await succeeds('ann', patch(kind.change));
    // An administrator may: somebody leaves.
    await kubectl.ok(patch(`{"spec":{"${kind.field}":"bea"}}`));
    await refuses(kind, 'ann', patch('{"metadata":{"labels":{"a":"b"}}}'));
  });

  it.each(KINDS)('$plural are deleted by their owners only', async (kind) => {
    await succeeds('ann', CREATE, kind.manifest('gone', 'ann'));
    await refuses(kind, 'bea', ['delete', kind.plural, 'gone']);
    const raw = `/apis/coppice.dev/v1alpha1/namespaces/default/${kind.plural}`;
    await refuses(kind, 'bea', ['delete', '--raw', raw]);
    expect(await kubectl.ok(['get', kind.plural, 'gone', '-o', 'name'])).toContain('gone');
    await succeeds('ann', ['delete', kind.plural, 'gone']);
  });

  it.each(KINDS)(
    '$plural are made for their owners by a user with the verb in that namespace',
    async (kind) => {
      await succeeds(FLUX, ['apply', '--server-side', '-f', '-'], kind.manifest('ours', 'ann'));
      await succeeds(FLUX, ['patch', kind.plural, 'ours', '--type=merge', '-p', kind.change]);
      await succeeds('ann', ['label', kind.plural, 'ours', 'mine=true']);
      await succeeds(FLUX, ['delete', kind.plural, 'ours']);
    },
  );

  it('are refused, too, when they are large', async () => {
    const [labels] = KINDS as readonly [Owned];
    const templates = Array.from({ length: 900 }, (_, n) => `${'long-'.repeat(9)}${n}`);
    await refuses(labels, 'bea', CREATE, labels.manifest('large', 'ann', { templates }));
    await succeeds('ann', CREATE, labels.manifest('large', 'ann', { templates }));
    await succeeds(FLUX, CREATE, labels.manifest('large-too', 'ann', { templates }));
    await refuses(labels, 'bea', ['label', labels.plural, 'large', 'a=b']);
  });

  it('go with their namespaces, and with what owns them, whoever asks for that', async () => {
    await kubectl.ok(['create', 'namespace', 'team']);
    const owner = JSON.parse(
      await kubectl.ok(['create', 'configmap', 'owner', '-n', 'default', '-o', 'json']),
    ) as { metadata: { uid: string } };
    const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: owner.metadata.uid }];
    for (const { manifest, plural } of KINDS) {
      await succeeds('ann', CREATE, manifest('there', 'ann', {}, 'team'));
      await succeeds('ann', CREATE, manifest('owned', 'ann'));
      const owned = JSON.stringify({ metadata: { ownerReferences } });
      await succeeds('ann', ['patch', plural, 'owned', '--type=merge', '-p', owned]);
    }
    await kubectl.ok(['delete', 'namespace', 'team', '--timeout=60s']);
    await kubectl.ok(['delete', 'configmap', 'owner', '-n', 'default']);
    await eventually('they are gone', async () => {
      for (const { plural } of KINDS) {
        const { stderr } = await kubectl.run(['get', plural, 'owned']);
        expect(stderr).toContain('NotFound');
      }
    });
  });
});
