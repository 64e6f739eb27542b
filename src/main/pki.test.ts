import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensurePki, type PkiRequest } from './pki.ts';

const dayMs = 86_400_000;
const now = Date.now();
const wanted: PkiRequest<'server' | 'admin'> = {
  caCommonName: 'test CA',
  certificates: {
    server: { commonName: 'api', ips: ['127.0.0.1', '::1'], dnsNames: ['localhost'], usage: 'server' },
    admin: { commonName: 'admin', organizations: ['system:masters', 'others'], usage: 'client' },
  },
  now,
};

describe('ensurePki', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'coppice-pki-'));
  });
  afterEach(async () => {
    await rm(dir, { recursive: true });
  });

  it('makes certificates by which client and server trust each other', async () => {
    const { ca, certificates } = await ensurePki(dir, wanted);
    const server = createServer(
      { ...certificates.server, ca: ca.cert, requestCert: true, rejectUnauthorized: true },
      (incoming, answer) => {
        const { subject } = (incoming.socket as import('node:tls').TLSSocket).getPeerCertificate();
        answer.end(JSON.stringify(subject));
      },
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const { key, cert } = certificates.admin;
    const dispatcher = new Agent({ connect: { ca: ca.cert, key, cert } });
    try {
      const answer = await request(`https://127.0.0.1:${port}/`, { dispatcher });
      expect(await answer.body.json()).toEqual({ CN: 'admin', O: ['system:masters', 'others'] });
    } finally {
      await dispatcher.close();
      server.close();
    }
  });

  it('lets only the owner read keys', async () => {
    const { ca, certificates } = await ensurePki(dir, wanted);
    for (const path of [ca.keyPath, certificates.server.keyPath, certificates.admin.keyPath]) {
      expect((await stat(path)).mode & 0o777).toBe(0o600);
    }
  });

  it('changes nothing the second time', async () => {
    const first = await ensurePki(dir, wanted);
    expect(await ensurePki(dir, { ...wanted, now: now + 100 * dayMs })).toEqual(first);
  });

  it('renews a certificate in the last third of its life and keeps the authority', async () => {
    const first = await ensurePki(dir, wanted);
    const second = await ensurePki(dir, { ...wanted, now: now + 250 * dayMs });
    expect(second.ca).toEqual(first.ca);
    expect(second.certificates.server.cert).not.toBe(first.certificates.server.cert);
    expect(await readFile(second.certificates.server.certPath, 'utf8')).toBe(second.certificates.server.cert);
  });

  it('renews the authority with its old key, so that what it signed stays valid', async () => {
    const first = await ensurePki(dir, wanted);
    const second = await ensurePki(dir, { ...wanted, now: now + 3000 * dayMs });
    expect(second.ca.cert).not.toBe(first.ca.cert);
    expect(second.ca.key).toBe(first.ca.key);
    const old = new X509Certificate(first.certificates.server.cert);
    expect(old.verify(new X509Certificate(second.ca.cert).publicKey)).toBe(true);
  });

  it('replaces a certificate when other addresses, names or usages are requested', async () => {
    const first = await ensurePki(dir, wanted);
    const server = { ...wanted.certificates.server, ips: ['127.0.0.1', '10.0.0.7'] };
    const second = await ensurePki(dir, { ...wanted, certificates: { ...wanted.certificates, server } });
    expect(second.certificates.server.cert).not.toBe(first.certificates.server.cert);
    expect(new X509Certificate(second.certificates.server.cert).checkIP('10.0.0.7')).toBe('10.0.0.7');
    expect(second.certificates.admin).toEqual(first.certificates.admin);
  });

  it.each(['server.crt', 'server.key', 'ca.crt'])('repairs a damaged %s', async (file) => {
    const first = await ensurePki(dir, wanted);
    await writeFile(join(dir, file), 'damaged');
    const second = await ensurePki(dir, wanted);
    const ca = new X509Certificate(second.ca.cert);
    expect(new X509Certificate(second.certificates.server.cert).verify(ca.publicKey)).toBe(true);
    expect(second.ca.key).toBe(first.ca.key);
    expect(await ensurePki(dir, wanted)).toEqual(second);
  });

  it('does not silently replace an authority whose key is damaged', async () => {
    await ensurePki(dir, wanted);
    await writeFile(join(dir, 'ca.key'), 'damaged');
    await expect(ensurePki(dir, wanted)).rejects.toThrow(/ca\.key/);
  });
});
