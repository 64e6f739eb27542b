import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { VirtualAppliance } from '../../src/api/kinds.ts';
import { applyManifests, readManifests } from '../../src/cli/manifests.ts';
import { waitForServices } from '../../src/cli/wait.ts';
import { describeUnless } from '../skip.ts';
import { Coppice } from './coppice.ts';
import { noQemu } from './qemu/scene.ts';

const folder = join(resolve(import.meta.dirname, '../..'), 'examples');

/** Example → what each of its URLs answers. */
const ANSWERS: Readonly<Record<string, string>> = {
  building: 'Hello from a template that was built.\n',
  checkpoint: 'Hello from a VM that booted, or goes on.\n',
  command: 'Good day, this is greeter.\n',
  hello: 'Hello from a virtual machine grown by Coppice.\n',
  recall: 'started on diary\n',
  labels: 'Hello from a template that was found by its label.\n',
};
/**
 * They name files that are not here. images.test.ts, cloud-image.test.ts and qemu/shared.test.ts have templates like theirs, in this
 * order.
 */
const OF_OTHER_FILES = ['cd', 'cloud-image', 'shared'];
/**
 * `gitops` needs an image of one's own, and Flux: test/gitops. `network` needs a bridge on its hosts:
 * test/integration/operator/addresses.test.ts applies it, bridge.test.ts has such VMs. `fork` is a story: fork-example.test.ts. `systemd` is no manifest:
 * test/integration/hostd/systemd-unit.test.ts.
 */
const TESTED_ELSEWHERE = ['fork', 'gitops', 'network', 'systemd'];

describeUnless(noQemu, 'the examples', () => {
  let coppice: Coppice;

  beforeAll(async () => {
    coppice = await Coppice.up();
  });
  afterAll(() => coppice?.close());

  it('are all tested', async () => {
    const tested = [...Object.keys(ANSWERS), ...OF_OTHER_FILES, ...TESTED_ELSEWHERE];
    expect((await readdir(folder)).sort()).toEqual(tested.sort());
  });

  it.each(Object.entries(ANSWERS))('%s answers as its manifest says', async (name, answer) => {
    const { client } = coppice;
    const objects = await readManifests(join(folder, name));
    await applyManifests(client, objects);
    const appliances = await waitForServices(client, objects, {
      timeoutSeconds: 500,
      signal: AbortSignal.timeout(550_000),
      progress: () => undefined,
      fetchUrls: true,
    });
    const urls = appliances.flatMap(({ status }) => status?.accessPoints ?? []);
    expect(urls).toHaveLength(appliances.length);
    const [asked, told] = [appliances.map(({ spec }) => spec.start.from), appliances.map(startOf)];
    expect(told).toEqual(asked);
    for (const url of urls) expect(await (await fetch(url)).text()).toBe(answer);
  });

  /** How its VM came up. */
  const startOf = ({ status }: VirtualAppliance) => status?.start?.from ?? 'ColdBoot';

  it.each(OF_OTHER_FILES)('%s is taken as it is', async (name) => {
    await applyManifests(coppice.client, await readManifests(join(folder, name)));
  });
});
