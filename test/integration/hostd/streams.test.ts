import { buffer } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { exitStatus } from '../../../src/host/streams.ts';
import { applianceOf, clientOf, createCertificates, untilAvailable, withHost } from './fixtures.ts';

const certificates = await createCertificates();
const UNKNOWN = '00000000-0000-4000-8000-000000000000';

it('refuses a stream that is unavailable: no such appliance, a simulated console, or a client that is not the operator', async () => {
  await withHost(certificates, {}, async ({ client, daemon, layer }) => {
    const desired = applianceOf(layer);
    await client.putAppliance(desired);
    const program = { command: ['cat'] };
    await expect(client.openConsole(UNKNOWN)).rejects.toMatchObject({
      status: 404,
      problem: { reason: 'NotFound', message: expect.stringContaining(UNKNOWN) },
    });
    await expect(client.exec(UNKNOWN, program)).rejects.toMatchObject({ status: 404 });
    await expect(client.openConsole(desired.uuid)).rejects.toMatchObject({ status: 409 });
    const stranger = clientOf(daemon.url, certificates, certificates.stranger);
    await expect(stranger.openConsole(desired.uuid)).rejects.toMatchObject({ status: 403 });
    await expect(stranger.exec(desired.uuid, program)).rejects.toMatchObject({ status: 403 });
    await stranger.close();
  });
});

it('runs a program in a guest with its streams, whose command may be as long as is allowed', async () => {
  await withHost(certificates, {}, async ({ client, layer }) => {
    const desired = applianceOf(layer);
    await client.putAppliance(desired);
    await untilAvailable(client, desired.uuid);
    const command = ['cat', '\u00fc'.repeat(32_000)];
    const stream = await client.exec(desired.uuid, { command, stdin: true });
    const content = Buffer.alloc(3_000_000, 'abc');
    stream.stdin.end(content);
    expect((await buffer(stream.stdout)).equals(content)).toBe(true);
    expect(await stream.ended).toEqual(exitStatus(0));
  });
});

it('ends the programs when the daemon ends', async () => {
  await withHost(certificates, {}, async ({ client, daemon, layer }) => {
    const desired = applianceOf(layer);
    await client.putAppliance(desired);
    await untilAvailable(client, desired.uuid);
    const stream = await client.exec(desired.uuid, { command: ['cat'], stdin: true });
    const closed = daemon.close();
    expect(await stream.ended).toMatchObject({ reason: 'Stopping', code: 503 });
    await closed;
  });
});
