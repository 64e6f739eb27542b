import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startControlPlane } from '../../kubernetes/control-plane.ts';
import { readCrds } from '../../kubernetes/crds.ts';
import { startEmbedded } from '../../kubernetes/embedded.ts';
import { describeOnKubernetes } from '../../kubernetes/suite.ts';
import { access } from './differential/access.ts';
import { type Case, CRDS } from './differential/case.ts';
import { definitions } from './differential/definitions.ts';
import { kinds } from './differential/kinds.ts';
import { knownDifferences } from './differential/known-differences.ts';
import { lifecycles } from './differential/lifecycles.ts';
import { discovery, lists } from './differential/lists.ts';
import { badObjects, lifeOfObjects, optionsOfWrites } from './differential/objects.ts';
import { applies, patches, subresources } from './differential/patches.ts';
import { rules } from './differential/rules.ts';
import { schemas } from './differential/schemas.ts';
import { callerOf, transcript } from './differential/transcript.ts';
import { watches } from './differential/watches.ts';
import { type Caller, gizmoCrd, widgetCrd } from './world.ts';

const groups: Readonly<Record<string, readonly Case[]>> = {
  objects: lifeOfObjects,
  'options of writes': optionsOfWrites,
  'bad objects': badObjects,
  patches,
  'server-side apply': applies,
  'status and scale': subresources,
  lists,
  discovery,
  definitions,
  schemas,
  access,
  kinds,
  rules,
  watches,
  lifecycles,
};
/** Those whose work the embedded server does, too; others would put objects of their own into every namespace. */
const CONTROLLERS = 'garbage-collector-controller,namespace-controller,clusterrole-aggregation-controller';
const KINDS = {
  'example.com/v1': ['Widget', 'Gizmo'],
  'example.com/v1alpha1': ['Gizmo'],
  'coppice.dev/v1alpha1': [
    'Host',
    'IPPool',
    'ServiceDeployment',
    'Template',
    'TemplateLabel',
    'VirtualAppliance',
  ],
};
const SERVED = ['widgets', 'gizmos'].map((plural) => `example.com/v1/${plural}`);
const patience = { timeout: 20_000, interval: 50 };
const allCases = Object.values(groups).flat();

/** A server under comparison, with the Widget kind. */
interface Side {
  readonly api: Caller;
  stop(): Promise<void>;
}

async function sideOf(server: { kubeconfigPath: string; stop(): Promise<void> }): Promise<Side> {
  const api = await callerOf(server.kubeconfigPath);
  const stop = async (): Promise<void> => {
    api.close();
    await server.stop();
  };
  try {
    for (const definition of [await widgetCrd(), await gizmoCrd(), ...(await readCrds())]) {
      const { status, text } = await api.post(CRDS, definition);
      if (status !== 201) throw new Error(`${definition.metadata.name} is refused: ${text}`);
    }
    const waitFor = (path: string, parts: readonly string[] = []) =>
      vi.waitUntil(async () => {
        const { status, text } = await api.get(path);
        return status === 200 && parts.every((part) => text.includes(part));
      }, patience);
    await Promise.all(SERVED.map((path) => waitFor(`/apis/${path}`)));
    // kube-apiserver publishes a new kind's OpenAPI, by which it merges, some time after it serves the kind.
    await Promise.all(
      Object.entries(KINDS).map(([path, names]) => waitFor(`/openapi/v3/apis/${path}`, names)),
    );
    return { api, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

await describeOnKubernetes('the embedded API server beside kube-apiserver', (programs) => {
  let embedded: Side;
  let kube: Side;

  beforeAll(async () => {
    embedded = await sideOf(await startEmbedded());
    kube = await sideOf(await startControlPlane(programs, { controllers: CONTROLLERS }));
  });

  afterAll(async () => {
    await embedded?.stop();
    await kube?.stop();
  });

  async function answers(one: Case): Promise<{ ours: unknown; theirs: unknown }> {
    const ns = `case-${allCases.indexOf(one)}`;
    const play = async ({ api }: Side) => {
      await api.post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: ns } });
      return await transcript(api, one, ns);
    };
    const [ours, theirs] = await Promise.all([play(embedded), play(kube)]);
    return { ours, theirs };
  }

  describe.each(Object.entries(groups))('%s', (_, cases) => {
    it.each(cases.filter(({ name }) => !knownDifferences.has(name)))('answers alike: $name', async (one) => {
      const { ours, theirs } = await answers(one);
      expect(ours).toEqual(theirs);
    });

    const others = cases.filter(({ name }) => knownDifferences.has(name));
    it.runIf(others.length > 0).each(others)(
      'still differs, as the documentation says: $name',
      async (one) => {
        const { ours, theirs } = await answers(one);
        expect(isDeepStrictEqual(ours, theirs)).toBe(false);
      },
    );
  });

  it('names every known difference by a case that there is', () => {
    const names = new Set(allCases.map(({ name }) => name));
    expect([...knownDifferences].filter((name) => !names.has(name))).toEqual([]);
    expect(names.size).toBe(allCases.length);
  });
});
