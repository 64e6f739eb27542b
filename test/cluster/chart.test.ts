import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type SUBRESOURCES, subresourcePath } from '../../src/api/subresources.ts';
import { OBJECT_NAMES } from '../../src/main/permissions.ts';
import { eventually } from '../integration/operator/eventually.ts';
import { lookForCluster } from '../kubernetes/node-assets.ts';
import { describeUnless } from '../skip.ts';
import { NEW_COLUMN, NEW_VALUE } from './previous.ts';
import { NAMESPACE, NEXT_TAG, Site } from './site.ts';

const found = await lookForCluster();
const missing = 'missing' in found ? found.missing : undefined;
const examples = join(import.meta.dirname, '../../examples/hello');

/** One installation's life, from a cluster that lacks everything to one where nothing is left: each test continues where the previous one ended. */
describeUnless(missing, 'the charts on a cluster', () => {
  let site: Site;
  /** Process numbers of the VMs of examples/hello. */
  let vms: readonly number[] = [];

  beforeAll(async () => {
    if ('missing' in found) return;
    site = await Site.start(found);
  });
  afterAll(() => site?.stop());

  it('refuses values that cannot be, and says which', async () => {
    const chart = site.chart('coppice');
    const refused = (...values: readonly string[]) =>
      expect(site.helm('install', 'coppice', chart, ...values.map((value) => `--set=${value}`)));
    await refused('operator.replicas=0').rejects.toThrow("at '/operator/replicas': minimum: got 0, want 1");
    await refused('operator.replcias=1').rejects.toThrow("additional properties 'replcias' not allowed");
    await refused('serviceMonitor.enabled=true').rejects.toThrow('install the Prometheus operator first');
    await refused('hostDaemon.nodeSelector=null').rejects.toThrow("missing property 'nodeSelector'");
  });

  it('says what is missing, without a restart, and goes on when it is there: kinds, then permissions', async () => {
    const says = (words: string) =>
      eventually(
        `the operator says: ${words}`,
        async () => expect(await site.logs('operator')).toContain(words),
        120_000,
      );
    const chart = await site.previousChart('coppice');
    const values = await site.values();
    const flags = ['--create-namespace', '--values', values];
    await site.helm('install', 'coppice', chart, ...flags, '--set=rbac.create=false');
    await says('the kinds of coppice.dev/v1alpha1 are not installed: install the chart coppice-crds');
    await site.helm('install', 'coppice-crds', await site.previousChart('coppice-crds'), '--wait');
    await says('the operator may not list hosts');
    for (const { status } of await site.pods('operator')) {
      expect(status.containerStatuses).toMatchObject([{ restartCount: 0, ready: false }]);
    }
    await site.helm('upgrade', 'coppice', chart, '--values', values, '--wait', '--timeout=5m');
    await site.untilRolledOut('deployment/coppice-operator');
  });

  it('makes a labelled node a host', async () => {
    await site.cluster.kubectl('label', 'node', 'node-a', 'coppice.dev/host=true');
    await site.untilReady('host/node-a');
    await site.untilRolledOut('daemonset/coppice-host');
    expect((await site.daemonArguments()).join()).not.toContain('--health-port');
  });

  it('leads from a manifest to URLs that answer within the cluster', async () => {
    await site.declareTemplate();
    await site.cluster.kubectl('apply', '--filename', examples);
    await site.untilReady('sd/hello');
    vms = await site.vms();
    expect(vms).toHaveLength(2);
    const [url = ''] = await site.urls();
    expect(await site.fetchInCluster(url)).toContain('Hello from a virtual machine');
  });

  it('passes streams on, with a user’s own rights', async () => {
    await site.cluster.kubectl(
      'wait',
      '--for=condition=Available',
      `apiservice/${OBJECT_NAMES.apiService}`,
      '--timeout=60s',
    );
    await site.cluster.kubectl('create', 'serviceaccount', 'reader');
    await site.cluster.kubectl(
      'create',
      'rolebinding',
      'reader',
      '--clusterrole=view',
      '--serviceaccount=default:reader',
    );
    const as = '--as=system:serviceaccount:default:reader';
    const stream = (name: (typeof SUBRESOURCES)[number]) => subresourcePath('default', 'hello-web-0', name);
    expect(await site.cluster.kubectl('get', '--raw', `${stream('log')}?bytes=2000`, as)).toContain(
      'coppice-guest',
    );
    await expect(site.cluster.kubectl('get', '--raw', stream('console'), as)).rejects.toThrow('Forbidden');
  });

  it('loses nothing with the pods of the operator', async () => {
    await site.cluster.kubectl(
      'delete',
      'pods',
      '-n',
      NAMESPACE,
      '-l',
      'app.kubernetes.io/component=operator',
    );
    await site.untilRolledOut('deployment/coppice-operator');
    await site.expectUndisturbed(vms);
  });

  it('keeps VMs alive when the daemon crashes, and when its pod is deleted', async () => {
    const [before] = await site.pods('host');
    await site.killDaemon();
    await eventually(
      'its container was started again',
      async () => {
        const [pod] = await site.pods('host');
        expect(pod?.status.containerStatuses).toMatchObject([{ restartCount: 1, ready: true }]);
      },
      120_000,
    );
    await site.expectUndisturbed(vms);
    await site.cluster.kubectl('delete', 'pods', '-n', NAMESPACE, '-l', 'app.kubernetes.io/component=host');
    await site.untilRolledOut('daemonset/coppice-host');
    expect((await site.pods('host'))[0]?.metadata.uid).not.toBe(before?.metadata.uid);
    await site.expectUndisturbed(vms);
  });

  it('is not disturbed by a restart of the kubelet', async () => {
    const uids = async () => (await site.pods('host')).map(({ metadata }) => metadata.uid);
    const before = await uids();
    await site.cluster.restartKubelet();
    await site.untilReady('node/node-a');
    await site.expectUndisturbed(vms);
    expect(await uids()).toEqual(before);
  });

  it('is upgraded under running VMs', async () => {
    expect(await site.labelColumns()).not.toContain(NEW_COLUMN);
    await site.helm('upgrade', 'coppice-crds', site.chart('coppice-crds'), '--wait');
    expect(await site.labelColumns()).toContain(NEW_COLUMN);
    const chart = site.chart('coppice');
    await expect(site.helm('upgrade', 'coppice', chart, '--reuse-values')).rejects.toThrow(
      `missing property '${NEW_VALUE}'`,
    );
    const tags = [`--set=operator.image.tag=${NEXT_TAG}`, `--set=hostDaemon.image.tag=${NEXT_TAG}`];
    await site.helm(
      ...['upgrade', 'coppice', chart, '--reset-then-reuse-values', ...tags, '--wait', '--timeout=5m'],
    );
    await site.untilRolledOut('deployment/coppice-operator', 'daemonset/coppice-host');
    expect(await site.daemonArguments()).toContain('--health-port=7445');
    await site.expectUndisturbed(vms);
  });

  it('passes its own test', async () => {
    expect(await site.helm('test', 'coppice', '--logs', '--timeout=10m')).toContain('The service answers');
    await eventually('what it made is gone', async () => expect(await site.vms()).toEqual(vms), 120_000);
  });

  it('leaves VMs and objects when it is uninstalled, and takes them up when it is back', async () => {
    await site.helm('uninstall', 'coppice', '--wait');
    await site.helm('uninstall', 'coppice-crds', '--wait');
    expect(await site.vms()).toEqual(vms);
    for (const url of await site.urls()) await site.expectAnswer(url);
    await site.helm('install', 'coppice-crds', site.chart('coppice-crds'), '--wait');
    const values = await site.values({ uninstall: { removeEverything: true } });
    await site.helm(
      'install',
      'coppice',
      site.chart('coppice'),
      '--values',
      values,
      '--wait',
      '--timeout=5m',
    );
    await site.expectUndisturbed(vms);
    // What a status from before cannot show.
    await site.cluster.kubectl('scale', 'sd/hello', '--replicas=1');
    await eventually(
      'one of the two VMs is gone',
      async () => expect(await site.vms()).toHaveLength(1),
      120_000,
    );
    expect(vms).toContain((await site.vms())[0]);
  });

  it('takes everything with it when that is asked for, but the kinds', async () => {
    await site.helm('uninstall', 'coppice', '--wait', '--timeout=10m');
    expect(await site.vms()).toEqual([]);
    for (const kind of ['sd', 'va', 'tpl', 'ippools', 'hosts', 'ipleases']) {
      expect((await site.get<{ items: [] }>(kind, '-A')).items).toEqual([]);
    }
  });
});
