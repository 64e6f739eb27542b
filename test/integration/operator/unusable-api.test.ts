import { KubeConfig } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCa } from '../../../src/main/certificates.ts';
import type { Operator, OperatorConfig } from '../../../src/main/operator.ts';
import { installCrds } from '../../kubernetes/crds.ts';
import { eventually } from './eventually.ts';
import { World } from './world.ts';

const CRDS = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};

describe('an operator before an API server that it cannot use', () => {
  let world: World;

  beforeAll(async () => {
    world = await World.start();
  });
  afterAll(() => world.stop());

  it('says that nobody answers', async () => {
    const server = `https://127.0.0.1:${await world.freePort()}`;
    await withOperator({ kubeConfig: configWith({ server }) }, (operator) =>
      saysWhy(operator, `the API server at ${server} does not answer (ECONNREFUSED): check that it runs`),
    );
  });

  it('reports that the API server has a certificate of another authority', async () => {
    const { cert } = await createCa({ commonName: 'another', days: 1, now: Date.now() });
    const authority = { caFile: undefined, caData: Buffer.from(cert).toString('base64') };
    await withOperator({ kubeConfig: configWith(authority) }, (operator) =>
      saysWhy(operator, 'is not trusted (', 'must contain the CA that signed it'),
    );
  });

  it('says which fields older kinds lack, and goes on when they are upgraded', async () => {
    const name = 'hosts.coppice.dev';
    const crd = (await world.kube.get(CRDS, { name })) as unknown as OlderCrd;
    delete crd.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.thresholds;
    await world.kube.replace(CRDS, crd as never);
    await withOperator({}, async (operator) => {
      await saysWhy(operator, 'of an older release, without Host.spec.thresholds', 'upgrade the chart');
      await installCrds(world.kube);
      await isReady(operator);
    });
  });

  it('says that kinds were taken away while it led, and goes on when they are back', async () => {
    await withOperator({}, async (operator) => {
      await isReady(operator);
      await world.kube.delete(CRDS, { name: 'ippools.coppice.dev' });
      await saysWhy(operator, 'IPPool are not installed', 'install the chart coppice-crds');
      await eventually('the kind is gone', async () =>
        expect(await world.kube.find(CRDS, { name: 'ippools.coppice.dev' })).toBeUndefined(),
      );
      await installCrds(world.kube);
      await isReady(operator);
    });
  });

  /** The world's kubeconfig, with something else about its cluster. */
  function configWith(change: Partial<KubeConfig['clusters'][number]>): KubeConfig {
    const { clusters, users, contexts, currentContext } = world.api.operatorKubeConfig;
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromOptions({
      clusters: clusters.map((cluster) => ({ ...cluster, ...change })),
      users,
      contexts,
      currentContext,
    });
    return kubeConfig;
  }

  async function withOperator(
    change: Partial<OperatorConfig>,
    use: (operator: Operator) => Promise<void>,
  ): Promise<void> {
    const operator = await world.newOperator(change);
    try {
      await use(operator);
    } finally {
      await operator.close();
    }
  }
});

interface OlderCrd {
  readonly spec: {
    readonly versions: readonly [
      {
        readonly schema: {
          readonly openAPIV3Schema: {
            readonly properties: { readonly spec: { readonly properties: Record<string, unknown> } };
          };
        };
      },
    ];
  };
}

async function readyz({ metricsUrl }: Operator): Promise<{ status: number; text: string }> {
  const answer = await fetch(`${metricsUrl}/readyz`);
  return { status: answer.status, text: await answer.text() };
}

async function isReady(operator: Operator): Promise<void> {
  await eventually('it is ready', async () => expect((await readyz(operator)).status).toBe(200));
}

/** One sentence, with its remedy; alive all the same, since a restart would not help. */
async function saysWhy(operator: Operator, ...words: readonly string[]): Promise<void> {
  await eventually(`it says ${words.join('…')}`, async () => {
    const { status, text } = await readyz(operator);
    for (const each of words) expect(text).toContain(each);
    expect(text.trimEnd()).not.toContain('\n');
    expect(status).toBe(503);
  });
  expect((await fetch(`${operator.metricsUrl}/healthz`)).status).toBe(200);
}
