import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import type { HostEvent } from '../../../src/host/protocol.ts';
import {
  applianceOf,
  createCertificates,
  eventually,
  putTemplate,
  startHost,
  untilAvailable,
  withDirectory,
} from './fixtures.ts';

it('a layer that seals stand on says so on the event stream, and when they no longer do', async () => {
  const certificates = await createCertificates();
  await withDirectory(async (directory) => {
    const host = await startHost(directory, certificates);
    const stop = new AbortController();
    const events: HostEvent[] = [];
    const listening = (async () => {
      for await (const { event } of host.client.events(undefined, stop.signal)) events.push(event);
    })();
    try {
      const desired = applianceOf(await putTemplate(host));
      await host.client.putAppliance(desired);
      await untilAvailable(host.client, desired.uuid);
      const uuid = randomUUID();
      const { layer } = desired;
      await host.client.putSeal(uuid, { kind: 'appliance', appliance: desired.uuid });
      const holders = () =>
        events.flatMap((event) =>
          event.type === 'layer' && event.layer.identity === layer ? [event.layer.heldBy] : [],
        );
      const isHeld = (heldBy: readonly string[] = []) => heldBy.includes(`seal ${uuid}`);
      await eventually(
        async () => holders().some(isHeld),
        async () => holders(),
      );
      await eventually(
        async () => !isHeld(holders().at(-1)),
        async () => holders(),
      );
      expect((await host.client.getLayer(layer))?.heldBy).not.toContain(`seal ${uuid}`);
    } finally {
      stop.abort();
      await listening;
      await host.close();
    }
  });
});
