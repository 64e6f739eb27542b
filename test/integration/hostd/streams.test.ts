import { buffer } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { execQuery, exitStatus } from '../../../src/host/streams.ts';
import { applianceOf, createCertificates, streamOf, untilAvailable, withHost } from './fixtures.ts';

const certificates = await createCertificates();
const UNKNOWN = '00000000-0000-4000-8000-000000000000';

it('refuses a stream that is unavailable: no such appliance, a simulated console, or a client that is not the operator', async () => {
  await withHost(certificates, {}, async ({ client, daemon, layer }) => {
    const desired = applianceOf(layer);
    await client.putAppliance(desired);
    const open = (path: string, who = certificates.operator) =>
      expect(streamOf(daemon.url, certificates, path, who)).rejects;
    const refused = (status: number, body = '') =>
      expect.objectContaining({ status, body: expect.stringContaining(body) });
    await open(`${UNKNOWN}/console`).toEqual(refused(404, '"reason":"NotFound"'));
    await open(`${UNKNOWN}/console`).toEqual(refused(404, UNKNOWN));
    await open(`${UNKNOWN}/exec?command=cat`).toEqual(refused(404));
    await open(`${desired.uuid}/console`).toEqual(refused(409));
    await open(`${desired.uuid}/console`, certificates.stranger).toEqual(refused(403));
    await open(`${desired.uuid}/exec?command=cat`, certificates.stranger).toEqual(refused(403));
  });
});

it('runs a program in a guest with its streams, whose command may be as long as is allowed', async () => {
  await withHost(certificates, {}, async ({ client, daemon, layer }) => {
    const desired = applianceOf(layer);
    await client.putAppliance(desired);
    await untilAvailable(client, desired.uuid);
    const command = ['cat', '\u00fc'.repeat(32_000)];
    const query = execQuery({ command, stdin: true });
    const stream = await streamOf(daemon.url, certificates, `${desired.uuid}/exec?${query}`);
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
    const path = `${desired.uuid}/exec?command=cat&stdin=true`;
    const stream = await streamOf(daemon.url, certificates, path);
    const closed = daemon.close();
    expect(await stream.ended).toMatchObject({ reason: 'Stopping', code: 503 });
    await closed;
  });
});
