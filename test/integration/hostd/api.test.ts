import { Ajv, type AnySchema } from 'ajv';
import addFormatsModule, { type FormatsPlugin } from 'ajv-formats';
import { beforeAll, describe, expect, it } from 'vitest';
import { HostClient } from '../../../src/host/client.ts';
import { hostStatusSchema } from '../../../src/host/host-schemas.ts';
import { layerStatusSchema } from '../../../src/host/layer-schemas.ts';
import type { HostEvent } from '../../../src/host/protocol.ts';
import { applianceStatusSchema } from '../../../src/host/schemas.ts';
import {
  applianceOf,
  type Certificates,
  clientOf,
  createCertificates,
  HOST,
  OVERRIDES,
  untilAvailable,
  untilGone,
  withHost,
} from './fixtures.ts';

let certificates: Certificates;
beforeAll(async () => {
  certificates = await createCertificates();
});

/** The events after `lastId`, up to the first for which `last` says so. */
async function readEvents(
  client: HostClient,
  lastId: string | undefined,
  last: (event: HostEvent) => boolean,
) {
  const stop = new AbortController();
  const seen: { id: string; event: HostEvent }[] = [];
  for await (const numbered of client.events(lastId, stop.signal)) {
    seen.push(numbered);
    if (last(numbered.event)) stop.abort();
  }
  return seen;
}

describe("the daemon's API", () => {
  it('serves operators only, and only under its own name', async () => {
    await withHost(certificates, {}, async ({ daemon }) => {
      const stranger = clientOf(daemon.url, certificates, certificates.stranger);
      await expect(stranger.getHost()).rejects.toMatchObject({
        status: 403,
        problem: { reason: 'NotAuthorized' },
      });
      await stranger.close();
      const other = await createCertificates();
      const foreign = clientOf(daemon.url, { ...certificates, operator: other.operator });
      await expect(foreign.getHost()).rejects.toMatchObject({ status: 0 });
      await foreign.close();
      const { ca, operator } = certificates;
      const mistaken = new HostClient({ hostName: 'host-b', url: daemon.url, ca, ...operator });
      await expect(mistaken.getHost()).rejects.toMatchObject({ status: 0 });
      await mistaken.close();
      // Its key is another's: no context can be made of the two, and no one else's is taken in its place.
      const { cert } = operator;
      const broken = clientOf(daemon.url, certificates, { cert, key: other.operator.key });
      await expect(broken.getHost()).rejects.toMatchObject({
        status: 0,
        problem: { reason: 'HostUnreachable' },
      });
      await broken.close();
    });
  });

  it('refuses what breaks a rule, naming the field', async () => {
    await withHost(certificates, {}, async ({ client, layer }) => {
      const desired = applianceOf(layer);
      const broken = { ...desired, resources: { cpuMillis: -1, memoryBytes: 1 } };
      await expect(client.putAppliance(broken)).rejects.toMatchObject({
        status: 400,
        problem: { reason: 'InvalidRequest', field: '/resources/cpuMillis' },
      });
      const unknown = { ...desired, colour: 'green' };
      await expect(client.putAppliance(unknown)).rejects.toMatchObject({
        status: 400,
        problem: { field: '/colour' },
      });
      const url = 'gopher://example.org/x';
      await expect(client.putImport(layer, { kind: 'disk', url, template: 'a/b' })).rejects.toMatchObject({
        status: 400,
        problem: { field: '/url' },
      });
    });
  });

  it('answers as its own OpenAPI document says', async () => {
    await withHost(certificates, {}, async ({ client, layer }) => {
      const desired = applianceOf(layer);
      await client.putAppliance(desired);
      const status = await untilAvailable(client, desired.uuid);
      const ajv = new Ajv({ strict: false, allErrors: true });
      (addFormatsModule as unknown as FormatsPlugin)(ajv);
      const errorsIn = (schema: AnySchema, value: unknown) => (ajv.validate(schema, value) ? [] : ajv.errors);
      expect(errorsIn(applianceStatusSchema, status)).toEqual([]);
      expect(errorsIn(hostStatusSchema, await client.getHost())).toEqual([]);
      expect(errorsIn(layerStatusSchema, await client.getLayer(layer))).toEqual([]);
    });
  });

  it('does not give up a layer on which an appliance stands', async () => {
    await withHost(certificates, {}, async ({ client, layer }) => {
      const desired = applianceOf(layer);
      await client.putAppliance(desired);
      expect((await client.getLayer(layer))?.heldBy).toEqual([desired.uuid]);
      await expect(client.deleteLayer(layer)).rejects.toMatchObject({
        status: 409,
        problem: { reason: 'LayerInUse', message: expect.stringContaining(desired.uuid) },
      });
      await client.deleteAppliance(desired.uuid);
      await untilGone(client, desired.uuid);
      await client.deleteLayer(layer);
      expect(await client.getLayer(layer)).toBeUndefined();
    });
  });
});

describe('the event stream', () => {
  it('begins with everything there is, and goes on with every change', async () => {
    await withHost(certificates, {}, async ({ client, layer }) => {
      const desired = applianceOf(layer);
      const reading = readEvents(client, undefined, (event) => event.type === 'applianceGone');
      await client.putAppliance(desired);
      await untilAvailable(client, desired.uuid);
      await client.deleteAppliance(desired.uuid);
      const events = (await reading).map(({ event }) => event);
      expect(events[0]).toEqual({ type: 'reset' });
      expect(events.at(-1)).toEqual({ type: 'applianceGone', uuid: desired.uuid });
      const states = events.flatMap((event) =>
        event.type === 'appliance' && !event.appliance.deleting ? [event.appliance.serviceState] : [],
      );
      expect([...new Set(states)]).toEqual([
        'VMUnavailable',
        'VMReady',
        'ContainerReady',
        'ServiceAvailable',
      ]);
    });
  });

  it('is resumed where it was left, without a gap and without repetition', async () => {
    await withHost(certificates, {}, async ({ client, layer }) => {
      const desired = applianceOf(layer);
      const beginning = await readEvents(client, undefined, (event) => event.type === 'host');
      await client.putAppliance(desired);
      await untilAvailable(client, desired.uuid);
      const isAvailable = (event: HostEvent) =>
        event.type === 'appliance' && event.appliance.serviceState === 'ServiceAvailable';
      const whole = await readEvents(client, beginning.at(-1)?.id, isAvailable);
      expect(whole.some(({ event }) => event.type === 'reset')).toBe(false);
      const middle = whole[2];
      const rest = await readEvents(client, middle?.id, isAvailable);
      expect(rest).toEqual(whole.slice(3));
    });
  });

  it('says reset, and everything again, when too much was missed', async () => {
    const overrides = { ...OVERRIDES, eventCapacity: 3 };
    await withHost(certificates, { overrides }, async ({ client, layer }) => {
      const beginning = await readEvents(client, undefined, (event) => event.type === 'host');
      const desired = applianceOf(layer);
      await client.putAppliance(desired);
      await untilAvailable(client, desired.uuid);
      const events = await readEvents(client, beginning.at(-1)?.id, (event) => event.type === 'host');
      expect(events.map(({ event }) => event.type)).toEqual([
        'reset',
        'import',
        'layer',
        'appliance',
        'host',
      ]);
    });
  });

  it('tells of the room that an appliance leaves, long before it is measured next', async () => {
    const overrides = { ...OVERRIDES, measureMs: 3_600_000 };
    await withHost(certificates, { overrides }, async ({ client, layer }) => {
      const desired = applianceOf(layer);
      const other = applianceOf(layer, { name: 'other' });
      for (const each of [desired, other]) await client.putAppliance(each);
      for (const { uuid } of [desired, other]) await untilAvailable(client, uuid);
      await client.deleteAppliance(desired.uuid);
      await readEvents(client, undefined, (event) => event.type === 'host' && event.host.appliances === 1);
    });
  });

  it('is known to be dead when it falls silent', async () => {
    const overrides = { ...OVERRIDES, heartbeatMs: 3_600_000, measureMs: 3_600_000 };
    await withHost(certificates, { overrides }, async ({ daemon }) => {
      const { ca, operator } = certificates;
      const client = new HostClient({
        hostName: HOST,
        url: daemon.url,
        ca,
        ...operator,
        eventSilenceMs: 100,
      });
      await expect(readEvents(client, undefined, () => false)).rejects.toMatchObject({
        status: 0,
        problem: { reason: 'HostUnreachable' },
      });
      await client.close();
    });
  });
});
