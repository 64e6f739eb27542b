import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { HostClient } from '../../../src/host/client.ts';
import { hostServerName, OPERATOR_ORGANIZATION } from '../../../src/host/protocol.ts';
import { createCa, issueCertificate, type KeyPair } from '../../../src/main/certificates.ts';
import { runHostd } from '../../../src/main/hostd.ts';

const NAME = 'host-a';
const log = pino({ level: 'silent' });

it('a daemon shows its next certificate from the next connection on, and goes on asking for one', async () => {
  const stateDir = await mkdtemp(join(tmpdir(), 'coppice-renewal-'));
  const now = Date.now();
  const ca = await createCa({ commonName: 'hosts', days: 1, now });
  const dnsNames = [hostServerName(NAME)];
  const [first, second] = [await issue(), await issue()];
  const organizations = [OPERATOR_ORGANIZATION];
  const operator = await issueCertificate(ca, {
    commonName: 'operator',
    organizations,
    usage: 'client',
    days: 1,
    now,
  });
  const daemon = await runHostd({
    name: NAME,
    listen: { host: '127.0.0.1', port: 0 },
    stateDir,
    driver: 'simulated',
    capacity: {},
    fileRoots: [],
    tls: { ...first, clientCa: ca.cert },
    log,
  });
  const client = new HostClient({ hostName: NAME, url: daemon.url, ca: ca.cert, ...operator });
  try {
    expect(await shown()).toBe(serialOf(first));
    daemon.renewTls({ ...second, clientCa: ca.cert });
    expect(await shown()).toBe(serialOf(second));
    expect((await client.getHost()).name).toBe(NAME);
    const stranger = new HostClient({ hostName: NAME, url: daemon.url, ca: ca.cert, ...first });
    await expect(stranger.getHost()).rejects.toMatchObject({ status: 403 });
    await stranger.close();
  } finally {
    await client.close();
    await daemon.close();
    await rm(stateDir, { recursive: true });
  }

  function issue(): Promise<KeyPair> {
    return issueCertificate(ca, { commonName: NAME, dnsNames, usage: 'both', days: 1, now });
  }

  async function shown(): Promise<string> {
    const { port } = daemon;
    const socket = connect({
      host: '127.0.0.1',
      port,
      ca: ca.cert,
      ...operator,
      servername: hostServerName(NAME),
    });
    try {
      await once(socket, 'secureConnect');
      return socket.getPeerX509Certificate()?.serialNumber ?? 'none';
    } finally {
      socket.destroy();
    }
  }
});

function serialOf({ cert }: KeyPair): string {
  return new X509Certificate(cert).serialNumber;
}
