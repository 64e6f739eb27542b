import { expect, it } from 'vitest';
import { applianceOf, clientOf, createCertificates, withHost } from './fixtures.ts';

const certificates = await createCertificates();
const UNKNOWN = '00000000-0000-4000-8000-000000000000';

it('refuses a console that is unavailable: no such appliance, a simulated one, or a client that is not the operator', async () => {
  await withHost(certificates, {}, async ({ client, daemon, layer }) => {
    const desired = applianceOf(layer);
    await client.putAppliance(desired);
    await expect(client.openConsole(UNKNOWN)).rejects.toMatchObject({ status: 404 });
    await expect(client.openConsole(desired.uuid)).rejects.toMatchObject({ status: 409 });
    const stranger = clientOf(daemon.url, certificates, certificates.stranger);
    await expect(stranger.openConsole(desired.uuid)).rejects.toMatchObject({ status: 403 });
    await stranger.close();
  });
});
