import { afterAll, beforeAll, expect, it } from 'vitest';
import { Helm, type Manifest, NAMESPACE, NO_HELM } from '../integration/charts/helm.ts';
import { SWITCHES } from '../integration/charts/switches.ts';
import { findKubectl, Kubectl, NO_KUBECTL } from '../kubectl.ts';
import { describeUnless } from '../skip.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { describeOnKubernetes } from './suite.ts';

const [foundHelm, foundKubectl] = await Promise.all([Helm.find(), findKubectl()]);
const missing = foundHelm === undefined ? NO_HELM : foundKubectl === undefined ? NO_KUBECTL : undefined;
/** Pods are refused by the first; of what makes pods the second warns. */
const POD_SECURITY = ['enforce', 'warn'].map((mode) => `pod-security.kubernetes.io/${mode}`);

await describeOnKubernetes('the objects of the charts', (programs) => {
  describeUnless(missing, 'with every switch', () => {
    const helm = foundHelm as Helm;
    let api: ControlPlane;
    let kubectl: Kubectl;

    beforeAll(async () => {
      api = await startControlPlane(programs);
      kubectl = new Kubectl(foundKubectl as string, api.kubeconfigPath);
      await kubectl.ok(['create', 'namespace', NAMESPACE]);
    });
    afterAll(() => api?.stop());

    const secure = (level: 'privileged' | 'baseline' | 'restricted') =>
      kubectl.ok([
        'label',
        '--overwrite',
        'namespace',
        NAMESPACE,
        ...POD_SECURITY.map((label) => `${label}=${level}`),
      ]);

    /** What the API server says of objects that it would take; rejects with what it says of others. */
    async function taken(objects: readonly Manifest[]): Promise<string> {
      const accounts = objects.filter(({ kind }) => kind === 'ServiceAccount');
      // Of a pod whose account does not exist it would say nothing else.
      if (accounts.length > 0) await apply(accounts);
      return await apply(objects, '--dry-run=server');
    }

    async function apply(items: readonly Manifest[], ...flags: readonly string[]): Promise<string> {
      const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
      const args = ['apply', '--validate=strict', '--filename=-', ...flags];
      const { code, stdout, stderr } = await kubectl.run(args, list);
      if (code !== 0) throw new Error(stderr);
      expect(stdout.trim().split('\n')).toHaveLength(items.length);
      return stderr;
    }

    it.each(Object.keys(SWITCHES))('are taken as they are, without a warning: %s', async (name) => {
      await secure('privileged');
      const { objects } = await helm.render('coppice', SWITCHES[name]);
      expect(await taken(objects)).toBe('');
    });

    it('are taken: the kinds', async () => {
      expect(await apply((await helm.render('coppice-crds')).objects, '--dry-run=server')).toBe('');
    });

    it('but the daemon stand the restricted standard of Pod Security, and the daemon needs privileged', async () => {
      await secure('restricted');
      const values = {
        ...SWITCHES['an uninstall that removes everything'],
        ...SWITCHES['the daemon on nodes'],
      };
      const { objects } = await helm.render('coppice', values);
      const isDaemon = ({ kind }: Manifest) => kind === 'DaemonSet';
      expect(await taken(objects.filter((object) => !isDaemon(object)))).toBe('');
      await secure('baseline');
      const warning = await taken(objects.filter(isDaemon));
      expect(warning).toContain('would violate PodSecurity "baseline');
    });
  });
});
