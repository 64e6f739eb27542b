import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { callerIn } from '../../hostd/http/callers.ts';
import { requireClientCertificate } from '../../hostd/layers/transfer/peer-client.ts';
import { ensurePki } from '../pki.ts';
import { ensureCredentials } from './credentials.ts';
import { type Layout, layoutOf } from './layout.ts';

const SETTINGS = { apiPort: 17_443, driver: 'simulated', hosts: { 'host-a': 1, 'host-b': 2 } } as const;
const NOW = Date.parse('2026-01-01T00:00:00Z');
const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

describe('credentials', () => {
  let layout: Layout;
  beforeEach(async () => {
    layout = layoutOf(await mkdtemp(join(tmpdir(), 'coppice-credentials-')));
  });
  afterEach(() => rm(layout.root, { recursive: true }));

  it('are readable only by their owner: kubeconfig and keys', async () => {
    const { api, hosts } = await ensureCredentials(layout, SETTINGS, NOW);
    const keys = [api.server, hosts.operator, hosts.daemon('host-a'), hosts.daemon('host-b')];
    expect(new Set(keys.map(({ keyFile }) => keyFile)).size).toBe(4);
    for (const { keyFile } of keys) expect(await modeOf(keyFile)).toBe(0o600);
    expect(await modeOf(layout.kubeconfig)).toBe(0o600);
    expect(load(await readFile(layout.kubeconfig, 'utf8'))).toMatchObject({
      'current-context': 'coppice',
      clusters: [{ cluster: { server: 'https://127.0.0.1:17443' } }],
    });
    expect(() => hosts.daemon('host-c')).toThrow('never issued');
  });

  it('are kept while they are valid, and a renewed one is in the kubeconfig at once', async () => {
    await ensureCredentials(layout, SETTINGS, NOW);
    const first = await readFile(layout.kubeconfig, 'utf8');
    await ensureCredentials(layout, SETTINGS, Date.parse('2026-02-01T00:00:00Z'));
    expect(await readFile(layout.kubeconfig, 'utf8')).toBe(first);
    await ensureCredentials(layout, SETTINGS, Date.parse('2026-12-01T00:00:00Z'));
    const renewed = await readFile(layout.kubeconfig, 'utf8');
    expect(renewed).not.toBe(first);
    const admin = (await readFile(join(layout.apiPki, 'admin.crt'))).toString('base64');
    expect(renewed.replaceAll(/\s/g, '')).toContain(admin);
  });

  it('of daemons that were for servers alone are replaced: hosts read layers from each other', async () => {
    const older = { commonName: 'host-a', dnsNames: ['host-a.host.coppice'], usage: 'server' } as const;
    const certificates = { 'daemon-host-a': older };
    const { ca } = await ensurePki(layout.hostPki, { caCommonName: 'coppice-hosts', certificates, now: NOW });
    const { hosts } = await ensureCredentials(layout, SETTINGS, NOW);
    const pem = await readFile(hosts.daemon('host-a').certFile, 'utf8');
    expect(() => requireClientCertificate({ ca: ca.cert, cert: pem, key: '' })).not.toThrow();
    expect(callerIn(new X509Certificate(pem).toLegacyObject())).toEqual({ kind: 'host', name: 'host-a' });
  });
});
