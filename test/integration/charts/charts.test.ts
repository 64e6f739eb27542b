import { beforeAll, expect, it } from 'vitest';
import { readCrds } from '../../kubernetes/crds.ts';
import { describeUnless } from '../../skip.ts';
import { Helm, NO_HELM, type PodTemplate, type Rendered } from './helm.ts';
import { SWITCHES } from './switches.ts';

const found = await Helm.find();
const obstacle = found === undefined ? NO_HELM : undefined;
const MONITORING = ['monitoring.coreos.com/v1'];
const CONFINED = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};
const USER = { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } };
const RBAC = ['ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding'];

describeUnless(obstacle, 'the chart coppice', () => {
  const helm = found as Helm;
  let plain: Rendered;

  beforeAll(async () => {
    plain = await helm.render('coppice');
  });

  it('runs two operators of which one leads, and keeps one of them through disruptions', () => {
    const { spec } = plain.one('Deployment');
    expect(spec).toMatchObject({
      replicas: 2,
      strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
    });
    expect(spec.template.spec.containers[0].args).toEqual(
      expect.arrayContaining(['--leader-elect', '--lease-namespace=coppice-system']),
    );
    const { matchLabels = {} } = spec.selector;
    expect(spec.template.spec).toMatchObject({
      affinity: {
        podAntiAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [
            { podAffinityTerm: { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels } } },
          ],
        },
      },
    });
    const budget = plain.one('PodDisruptionBudget').spec;
    expect(budget).toMatchObject({ maxUnavailable: 1, selector: { matchLabels } });
    expect(spec.template.metadata.labels).toMatchObject(matchLabels);
  });

  it.each(['one replica', 'no disruption budget'])('has no disruption budget with %s', async (name) => {
    expect((await helm.render('coppice', SWITCHES[name])).names('PodDisruptionBudget')).toEqual([]);
  });

  it('asks the operator whether it lives and is ready', () => {
    const [container] = plain.one('Deployment').spec.template.spec.containers;
    expect(container).toMatchObject({
      ports: [
        { name: 'metrics', containerPort: 8080 },
        { name: 'join', containerPort: 8443 },
        { name: 'streams', containerPort: 9443 },
      ],
      startupProbe: { httpGet: { path: '/healthz', port: 'metrics' } },
      livenessProbe: { httpGet: { path: '/healthz', port: 'metrics' } },
      readinessProbe: { httpGet: { path: '/readyz', port: 'metrics' } },
      resources: { limits: { memory: '512Mi' }, requests: { memory: '128Mi' } },
    });
  });

  it.each(Object.keys(SWITCHES))('confines every pod but the daemon: %s', async (name) => {
    const { objects } = await helm.render('coppice', SWITCHES[name]);
    const pods = objects.flatMap(({ kind, spec }): PodTemplate['spec'][] => {
      if (kind === 'Pod') return [spec as unknown as PodTemplate['spec']];
      return kind === 'Deployment' || kind === 'Job' ? [spec.template.spec] : [];
    });
    expect(pods.length).toBeGreaterThan(1);
    for (const pod of pods) {
      expect(pod).toMatchObject({ securityContext: USER, enableServiceLinks: false });
      expect(pod).not.toHaveProperty('hostNetwork');
      for (const volume of (pod.volumes ?? []) as object[]) expect(volume).not.toHaveProperty('hostPath');
      for (const container of pod.containers) expect(container.securityContext).toEqual(CONFINED);
    }
  });

  it('lets the daemon be what it has to be, and be found hanging, on nodes with the label', async () => {
    expect(plain.names('DaemonSet')).toEqual([]);
    const daemon = (await helm.render('coppice', SWITCHES['the daemon with all that it may have'])).one(
      'DaemonSet',
    );
    const pod = daemon.spec.template.spec;
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      hostNetwork: true,
      hostPID: true,
      nodeSelector: { 'coppice.dev/host': 'true' },
    });
    const asked = { httpGet: { host: '127.0.0.1', path: '/healthz', port: 7445 } };
    expect(pod.containers[0]).toMatchObject({
      securityContext: { privileged: true, readOnlyRootFilesystem: true },
      ...{ startupProbe: asked, livenessProbe: asked, readinessProbe: asked },
    });
    expect(pod.containers[0].args).toEqual(
      expect.arrayContaining([
        ...['--listen=0.0.0.0:7444', '--health-port=7445', '--join-url=https://operator.example:8443'],
        ...[
          '--bridge=br0',
          '--cpu=4',
          '--memory=8Gi',
          '--file-root=/srv/images',
          '--file-root=/srv/packages',
        ],
      ]),
    );
    const join = (pod.volumes as { name: string }[]).find(({ name }) => name === 'join');
    expect(join).toMatchObject({
      projected: {
        sources: [
          { secret: { name: 'coppice-hosts', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
          { serviceAccountToken: { audience: 'coppice-operator' } },
        ],
      },
    });
  });

  it('opens the port for joining as configured, and never that of the metrics', async () => {
    const service = { type: 'NodePort', nodePort: 30_443, annotations: { a: 'b' } };
    const open = await helm.render('coppice', { join: { service } });
    const join = open.one('Service', 'coppice-operator');
    expect(join.spec).toMatchObject({ type: 'NodePort', ports: [{ port: 8443, nodePort: 30_443 }] });
    expect(join.spec.ports).toHaveLength(1);
    expect(join.metadata.annotations).toEqual({ a: 'b' });
    const metrics = open.one('Service', 'coppice-operator-metrics');
    expect(metrics.spec).toMatchObject({ type: 'ClusterIP', ports: [{ name: 'metrics', port: 8080 }] });
    expect(metrics.metadata.annotations).toBeUndefined();
    const { labels } = plain.one('Deployment').spec.template.metadata;
    for (const { spec } of [join, metrics]) expect(labels).toMatchObject(spec.selector);
  });

  it('lets Prometheus find the Service of the metrics, and no other', async () => {
    const monitored = await helm.render('coppice', { serviceMonitor: { enabled: true } }, MONITORING);
    const { selector, endpoints } = monitored.one('ServiceMonitor').spec;
    const selected = monitored
      .all('Service')
      .filter(({ metadata: { labels = {} } }) =>
        Object.entries(selector.matchLabels ?? {}).every(([name, value]) => labels[name] === value),
      );
    expect(selected.map(({ metadata }) => metadata.name)).toEqual(['coppice-operator-metrics']);
    expect(endpoints).toEqual([{ port: 'metrics', interval: '30s' }]);
    expect(plain.names('ServiceMonitor')).toEqual([]);
  });

  it('shuts the operator off but for what it needs, when asked to', async () => {
    expect(plain.names('NetworkPolicy')).toEqual([]);
    const { spec } = (await helm.render('coppice', SWITCHES['a network policy'])).one('NetworkPolicy');
    expect(spec).toMatchObject({
      podSelector: plain.one('Deployment').spec.selector,
      policyTypes: ['Ingress', 'Egress'],
      ingress: [
        { ports: [{ port: 'metrics' }], from: [{ namespaceSelector: {} }] },
        { ports: [{ port: 'join' }] },
        { ports: [{ port: 'streams' }] },
      ],
      egress: [
        {
          ports: [
            { port: 53, protocol: 'UDP' },
            { port: 53, protocol: 'TCP' },
          ],
        },
        { ports: [443, 6443, 7444, 7500].map((port) => ({ port })) },
      ],
    });
  });

  it('has nothing of streams with streams.enabled=false', async () => {
    const parts = (rendered: typeof plain) => [
      rendered.names('APIService'),
      rendered.names('Service').filter((name) => name.endsWith('-streams')),
      rendered
        .one('Deployment')
        .spec.template.spec.containers[0].args.filter((arg: string) => arg.startsWith('--streams')),
    ];
    expect(parts(plain).map((found) => found.length)).toEqual([1, 1, 2]);
    expect(parts(await helm.render('coppice', SWITCHES['no streams']))).toEqual([[], [], []]);
  });

  it('lets the operator read Secrets in the namespaces that are named, and in no other', async () => {
    const bindings = (rendered: typeof plain) =>
      rendered.objects
        .filter(({ kind, metadata }) => kind === 'RoleBinding' && metadata.name.endsWith('-secrets'))
        .map(({ metadata, roleRef }) => [metadata.namespace, roleRef?.kind, roleRef?.name]);
    expect(bindings(plain)).toEqual([]);
    expect(bindings(await helm.render('coppice', SWITCHES['Secrets of two namespaces']))).toEqual(
      ['default', 'kube-public'].map((namespace) => [namespace, 'ClusterRole', 'coppice-operator-secrets']),
    );
    const cluster = plain.objects.filter(({ kind }) => kind === 'ClusterRole');
    const reading = cluster.filter(({ rules }) => JSON.stringify(rules).includes('"secrets"'));
    expect(reading.map(({ metadata, rules }) => [metadata.name, rules])).toEqual([
      ['coppice-operator-secrets', [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }]],
    ]);
  });

  it('makes no role of any kind, the hooks’ ones included, with rbac.create=false', async () => {
    const everything = await helm.render('coppice', SWITCHES['an uninstall that removes everything']);
    expect(RBAC.map((kind) => everything.names(kind).length)).toEqual([7, 2, 2, 2]);
    const none = await helm.render('coppice', SWITCHES['no roles']);
    expect(RBAC.flatMap((kind) => none.names(kind))).toEqual([]);
    expect(none.names('Job')).toEqual(['coppice-uninstall']);
    // Whoever grants rights, owners are owners.
    expect(none.names('ValidatingAdmissionPolicyBinding')).toEqual([
      'coppice-templatelabels',
      'coppice-templatefollows',
    ]);
  });

  it.each([
    ['view', ['view', 'edit', 'admin']],
    ['edit', ['edit', 'admin']],
    ['admin', ['admin']],
  ])('adds to the role %s that every cluster has', (role, into) => {
    const { metadata, rules } = plain.one('ClusterRole', `coppice-${role}`);
    const aggregate = Object.entries(metadata.labels ?? {}).filter(([name]) => name.includes('aggregate-to'));
    expect(aggregate).toEqual(into.map((name) => [`rbac.authorization.k8s.io/aggregate-to-${name}`, 'true']));
    expect(rules?.length).toBeGreaterThan(0);
  });

  it('lets the operator read the one Secret that is named, and no other', async () => {
    const named = await helm.render('coppice', { hosts: { authoritySecret: 'ours' } });
    const { rules } = named.one('Role', 'coppice-operator');
    expect(rules?.filter(({ resources }) => resources.includes('secrets'))).toEqual([
      { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
      { apiGroups: [''], resources: ['secrets'], resourceNames: ['ours'], verbs: ['get'] },
    ]);
  });

  it('says what to do next: hosts, a task, the test, and what an uninstall leaves', async () => {
    const without = await helm.notes('coppice');
    for (const words of [
      'coppice host add NAME -n coppice-system --address https://MACHINE:7444',
      'is of type ClusterIP, which machines outside do not reach: see join.service.type',
      'kubectl apply -f examples/hello',
      'helm test coppice -n coppice-system',
      'VMs run on, and objects stay for the next installation',
      'The Secret coppice-hosts (the authority of the hosts) stays in any case',
    ]) {
      expect(without).toContain(words);
    }
    expect(await helm.notes('coppice', SWITCHES['the daemon on nodes'])).toContain(
      'kubectl label node NODE coppice.dev/host=true',
    );
    expect(await helm.notes('coppice', SWITCHES['an uninstall that removes everything'])).toContain(
      '`helm uninstall` DELETES every task, appliance, template, address pool and host',
    );
  });

  it.each([
    [{ operator: { replicas: 0 } }, "at '/operator/replicas': minimum: got 0, want 1"],
    [{ operator: { replcias: 1 } }, "additional properties 'replcias' not allowed"],
    [{ serviceMonitor: { enabled: true } }, 'install the Prometheus operator first'],
    [{ operator: { serviceAccount: { create: false } } }, 'name the account that the operator shall run as'],
    [{ join: { service: { nodePort: 30_443 } } }, 'a ClusterIP Service has no port on nodes'],
    [{ hostDaemon: { healthPort: 7444 } }, 'the daemon listens on both, so give it two'],
    [{ hostDaemon: { fileRoots: ['/var/lib/coppice/x'] } }, 'keep them apart'],
    [{ hostDaemon: { sharedDirectory: '/var/lib/coppice/x' } }, 'other hosts could read keys and disks'],
  ])('refuses %j, and says why', async (values, words) => {
    await expect(helm.render('coppice', values)).rejects.toThrow(words);
  });
});

describeUnless(obstacle, 'the chart coppice-crds', () => {
  const helm = found as Helm;
  const keptBy = (rendered: Rendered) =>
    rendered.objects.map(({ metadata: { annotations } }) => annotations?.['helm.sh/resource-policy']);

  it('has every kind, and leaves it when it is uninstalled', async () => {
    const rendered = await helm.render('coppice-crds');
    const names = (await readCrds()).map(({ metadata }) => metadata.name).sort();
    expect([...rendered.names('CustomResourceDefinition')].sort()).toEqual(names);
    expect(rendered.objects).toHaveLength(names.length);
    expect(new Set(keptBy(rendered))).toEqual(new Set(['keep']));
    expect(await helm.notes('coppice-crds')).toContain('helm install coppice charts/coppice');
  });

  it('takes them with it when asked to, and says what goes with them', async () => {
    const rendered = await helm.render('coppice-crds', { keep: false, annotations: { a: 'b' } });
    expect(new Set(keptBy(rendered))).toEqual(new Set([undefined]));
    for (const { metadata } of rendered.objects) expect(metadata.annotations).toEqual({ a: 'b' });
    expect(await helm.notes('coppice-crds', { keep: false })).toContain(
      'deletes every object of these kinds',
    );
  });
});
