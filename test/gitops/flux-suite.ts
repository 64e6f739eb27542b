import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectStanding, READY, RECONCILING, STALLED } from '../expectations/conditions.ts';
import { eventually } from '../integration/operator/eventually.ts';
import { findKubernetesPrograms } from '../kubernetes/assets.ts';
import type { TestApi } from '../kubernetes/factory.ts';
import { findFlux } from '../kubernetes/flux.ts';
import { describeUnless } from '../skip.ts';
import { PATIENCE_MS, readyOf } from './following.ts';
import { Shop } from './shop.ts';

/** What the example's pool gives: 10.0.8.10 to 10.0.8.99. */
const OF_THE_POOL = /^10\.0\.8\.[1-9]\d$/;
/** How many times Flux goes over everything while nothing changes. */
const ROUNDS = 10;

async function missing(): Promise<string | undefined> {
  try {
    await findKubernetesPrograms(process.env);
    if ((await findFlux(process.env)) !== undefined) return undefined;
    throw new Error(
      "no Flux: put source-controller, kustomize-controller and flux-crds.yaml into KUBEBUILDER_ASSETS' folder",
    );
  } catch (error) {
    // In CI a suite that silently tests nothing would be worse than one that fails.
    if (process.env.CI || !(error instanceof Error)) throw error;
    return error.message;
  }
}

const why = await missing();

const ofNoHost = (resource: string) => resource !== 'hosts';

/** Most of it is Flux's own waiting, of 30 seconds each: one file for each server, so that they wait side by side. */
export function describeFlux(kind: TestApi['kind']): void {
  describeUnless(why, `Flux on ${kind}`, () => {
    let shop: Shop;

    beforeAll(async () => {
      shop = await Shop.open(kind);
    });
    afterAll(() => shop?.close());

    it('does not take for healthy what Coppice has not looked at yet', async () => {
      const revision = await shop.git.commit('the shop', await shop.manifests());
      await shop.flux.start(shop.git.url);
      expect(await shop.flux.failed(revision)).toContain('ServiceDeployment/shop/shop');
      expect(shop.flux.states.filter((state) => readyOf(state)?.status === 'True')).toEqual([]);
    });

    it('is not ready while the services do not answer', async () => {
      await shop.world.startOperator();
      await eventually('the task waits for a host', async () => {
        const { status } = await shop.deployment();
        expectStanding(status?.conditions, RECONCILING, 'NoHosts');
      });
      const { length } = shop.flux.states;
      await shop.flux.until('it was looked at again', () => shop.flux.states.length > length + 2);
      expect(shop.flux.states.filter((state) => readyOf(state)?.status === 'True')).toEqual([]);
    });

    it('is ready when every service answers', async () => {
      await shop.world.addHost('host-a');
      await shop.flux.until('Ready', (found) => readyOf(found)?.status === 'True');
      const { status } = await shop.deployment();
      expectStanding(status?.conditions, READY, 'Deployed');
      const addresses = await shop.addresses();
      expect(addresses).toHaveLength(2);
      for (const address of addresses) expect(address).toMatch(OF_THE_POOL);
      const { accessPoints } = status?.services?.[0] ?? {};
      expect([...(accessPoints ?? [])].sort()).toEqual(addresses.map((address) => `http://${address}/`));
    });

    it('carries out a commit that scales', async () => {
      const revision = await shop.git.commit('three', await shop.task({ replicas: 3 }));
      await shop.flux.ready(revision);
      expect((await shop.deployment()).status).toMatchObject({ wantedReplicas: 3, readyReplicas: 3 });
      expect(await shop.addresses()).toHaveLength(3);
      await eventually('the pool says so', async () =>
        expect((await shop.pool()).status).toMatchObject({ total: 90, used: 3, free: 87 }),
      );
    });

    it('carries out a commit that changes the task', async () => {
      const before = (await shop.appliances()).map(({ metadata }) => metadata.uid);
      const addresses = await shop.addresses();
      const files = { 'index.html': 'The shop is closed.\n' };
      const changed = { replicas: 3, package: { inline: { files } } };
      const revision = await shop.git.commit('closed', await shop.task(changed));
      await shop.flux.ready(revision);
      const appliances = await shop.appliances();
      expect(appliances.map(({ spec }) => spec.package?.inline?.files)).toEqual([files, files, files]);
      expect(appliances.map(({ metadata }) => metadata.uid)).toEqual(before);
      expect(await shop.addresses()).toEqual(addresses);
    });

    it('leaves nobody anything to write while nothing changes', async () => {
      await shop.flux.again('before');
      const versions = await shop.versions();
      // What is measured on hosts is written as time goes by.
      const writes = await shop.world.writes(ofNoHost);
      for (let round = 0; round < ROUNDS; round++) await shop.flux.again(`idle-${round}`);
      expect(await shop.versions()).toEqual(versions);
      expect(await shop.world.writes(ofNoHost)).toBe(writes);
    });

    it('owns the spec but for the number of replicas, and Coppice the status', async () => {
      const managers = (await shop.deployment()).metadata.managedFields?.map(
        ({ manager, operation, subresource, fieldsV1 }) => ({
          manager,
          operation,
          subresource,
          fields: Object.keys(fieldsV1 ?? {}).sort(),
        }),
      );
      // Their order tells who wrote last.
      expect(new Set(managers)).toEqual(
        new Set([
          {
            manager: 'kustomize-controller',
            operation: 'Apply',
            subresource: undefined,
            fields: ['f:metadata', 'f:spec'],
          },
          {
            manager: 'coppice-operator',
            operation: 'Apply',
            subresource: 'status',
            fields: ['f:status'],
          },
          // The number of replicas, which autoscalers read, and which number that was carried over from.
          {
            manager: 'coppice-operator',
            operation: 'Update',
            subresource: undefined,
            fields: ['f:metadata', 'f:spec'],
          },
        ]),
      );
    });

    it('undoes what somebody changes by hand', async () => {
      const [service] = (await shop.deployment()).spec.services;
      await shop.meddle({ spec: { services: [{ ...service, replicas: 1 }], state: 'Recalled' } });
      await eventually(
        'it is as declared',
        async () => {
          const { spec, status, metadata } = await shop.deployment();
          expect(spec).toMatchObject({ state: 'Deployed', services: [{ replicas: 3 }] });
          expect(status).toMatchObject({ observedGeneration: metadata.generation, readyReplicas: 3 });
        },
        PATIENCE_MS,
      );
      await shop.flux.again('after the drift');
      const versions = await shop.versions();
      for (let round = 0; round < ROUNDS; round++) await shop.flux.again(`after-drift-${round}`);
      expect(await shop.versions()).toEqual(versions);
    });

    it('leaves the number to whoever scales, until Git names it', async () => {
      const scaled = (replicas: number, answering: number) =>
        eventually(
          `${answering} answer`,
          async () => {
            const { spec, status, metadata } = await shop.deployment();
            expect(spec.replicas).toBe(replicas);
            const counts = { replicas: answering, readyReplicas: answering };
            expect(status).toMatchObject({ observedGeneration: metadata.generation, ...counts });
            expect(await shop.addresses()).toHaveLength(answering);
          },
          PATIENCE_MS,
        );
      await shop.scale(1);
      await scaled(1, 1);
      for (let round = 0; round < ROUNDS; round++) await shop.flux.again(`scaled-${round}`);
      await scaled(1, 1);
      await shop.flux.ready(await shop.git.commit('Git scales', await shop.task({}, { replicas: 3 })));
      await shop.scale(1);
      await scaled(3, 3);
    });

    it('tells in our words what cannot work', async () => {
      const cannot = await shop.template({ guest: { minimumMemory: '1Gi' } });
      const revision = await shop.git.commit('more memory', cannot);
      // Flux names the object and how it stands; why is on the object.
      expect(await shop.flux.failed(revision)).toContain("ServiceDeployment/shop/shop status: 'Failed'");
      const { status } = await shop.deployment();
      expect(expectStanding(status?.conditions, STALLED, 'MemoryBelowMinimum')).toContain('ask for more');
    });

    it('lets a template and a pool that are removed too early wait for those who use them', async () => {
      const addresses = await shop.addresses();
      const removed = { 'shop/template.yaml': undefined, 'shop/ippool.yaml': undefined };
      await shop.git.commit('neither template nor pool', removed);
      await eventually(
        'both wait',
        async () => {
          for (const { metadata, status } of [await shop.templateObject(), await shop.pool()]) {
            expect(metadata.deletionTimestamp).toBeDefined();
            expect(expectStanding(status?.conditions, RECONCILING, 'InUse')).toContain('shop-web-0');
          }
        },
        PATIENCE_MS,
      );
      const going = (await shop.appliances()).map(({ metadata }) => metadata.deletionTimestamp);
      expect(going).toEqual([undefined, undefined, undefined]);
      expect(await shop.addresses()).toEqual(addresses);
    });

    it('prunes what a commit removes, VMs, disks, addresses and layers with it, the pool last', async () => {
      const departures = await shop.departures();
      try {
        await shop.git.commit('no shop', { 'shop/servicedeployment.yaml': undefined });
        await shop.untilGone(['ServiceDeployment', 'VirtualAppliance', 'Template', 'IPPool']);
        await eventually('all of it was seen', async () =>
          expect(['VirtualAppliance', 'IPLease', 'IPPool'].map((kind) => departures.of(kind).length)).toEqual(
            [3, 3, 1],
          ),
        );
      } finally {
        await departures.close();
      }
      const [lastLease, pool] = ['IPLease', 'IPPool'].map((kind) => departures.of(kind).at(-1));
      expect(pool).toBeGreaterThan(lastLease ?? 0n);
      expect(await shop.world.leases()).toEqual([]);
      expect(await shop.world.daemons.appliancesOn('host-a')).toEqual([]);
      expect(await shop.world.daemons.layersOn('host-a')).toEqual([]);
    });
  });
}
