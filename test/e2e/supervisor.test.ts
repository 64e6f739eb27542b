import { X509Certificate } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tryFileLock } from '../../src/hostd/files/file-lock.ts';
import { ensureCredentials } from '../../src/main/local/credentials.ts';
import type { Layout } from '../../src/main/local/layout.ts';
import { withDataDir } from '../../src/main/local/lock.ts';
import { findPart } from '../../src/main/local/processes.ts';
import { requireSettings, type Settings } from '../../src/main/local/settings.ts';
import { Coppice } from './coppice.ts';
import { processesNaming } from './processes.ts';

const PARTS = ['api', 'operator', 'host-a', 'host-b'];
const DAY_MS = 86_400_000;
/** Longer than a supervisor takes from one look to the next. */
const LOOKS_MS = 3000;

describe('the supervisor of a local Coppice', () => {
  let coppice: Coppice;
  let settings: Settings;
  beforeAll(async () => {
    coppice = await Coppice.up('--driver', 'simulated');
    settings = await requireSettings(coppice.layout);
  });
  afterAll(() => coppice?.close());

  const pidsOf = () => Promise.all(PARTS.map((part) => findPart(coppice.layout, part)));
  const logOf = (part: string) => readFile(join(coppice.layout.logs, `${part}.log`), 'utf8');
  /** Succeeds only when all parts run. */
  const allRun = (restarts: RegExp) =>
    coppice.eventually('all parts run', async () => expect(await coppice.run('status')).toMatch(restarts));

  it('starts every part again that ends, and says so', async () => {
    const before = await pidsOf();
    for (const part of PARTS) await coppice.kill(part);
    await allRun(/api .* 1 \(.*\n.*operator .* 1 \(.*\n.*host-a .* 1 \(.*\n.*host-b .* 1 \(/);
    for (const pid of await pidsOf()) expect(before).not.toContain(pid);
    for (const part of PARTS)
      expect(await logOf('supervisor')).toContain(`${part} had ended and is started again`);
  });

  it('tries a part that cannot run less and less often, and says when; it runs again once it can', async () => {
    const { layout } = coppice;
    const lock = await withDataDir(layout, async () => {
      await coppice.kill('host-b');
      await delay(LOOKS_MS);
      // A command has the data directory: it alone starts and stops.
      expect(await findPart(layout, 'host-b')).toBeUndefined();
      return await tryFileLock(join(layout.hostState('host-b'), 'daemon.lock'));
    });
    expect(lock).toBeDefined();
    await coppice.eventually('the tries become rare', async () => {
      const { code, output } = await coppice.start('status').ended;
      expect(output).toMatch(/^host-b +stopped, starts again in ([4-9]|\d\d)s +- +[4-9] /m);
      expect(code).toBe(1);
    });
    await lock?.release();
    await allRun(/^host-b +running/m);
  });

  it('renews certificates, which all parts use without being restarted', async () => {
    const before = await pidsOf();
    // A third of their life is left.
    await removeCertificates(coppice.layout);
    await ensureCredentials(coppice.layout, settings, Date.now() - 300 * DAY_MS);
    const old = await serialsOnDisk(coppice.layout);
    await coppice.eventually('they are renewed', async () => {
      const renewed = await serialsOnDisk(coppice.layout);
      expect(renewed.filter((serial) => old.includes(serial))).toEqual([]);
      expect(await serialsServed(settings)).toEqual(renewed);
      expect(await logOf('operator')).toContain('files have changed, and what is new in them is used');
    });
    // By a client with the new kubeconfig, and with an operator that reaches both hosts with its new certificate.
    await coppice.eventually('the hosts are ready', async () =>
      expect(await coppice.run('status')).toMatch(/host-a +True.*\nhost-b +True/),
    );
    expect(await pidsOf()).toEqual(before);
  });

  it('says why certificates cannot be renewed', async () => {
    const key = join(coppice.layout.apiPki, 'ca.key');
    const kept = await readFile(key, 'utf8');
    await writeFile(key, 'no key\n');
    await coppice.eventually('status says it', async () =>
      expect(await coppice.run('status')).toMatch(
        /^Certificates cannot be renewed: the authority in .*ca\.key/m,
      ),
    );
    await writeFile(key, kept);
    await coppice.eventually('status says it no more', async () =>
      expect(await coppice.run('status')).not.toContain('cannot be renewed'),
    );
  });

  it('is missed by `coppice status` when it ends, and comes back with `coppice up`', async () => {
    await coppice.kill('supervisor');
    const { code, output } = await coppice.start('status').ended;
    expect(output).toMatch(/^supervisor +stopped/m);
    expect(code).toBe(1);
    await coppice.run('up');
    await allRun(/^supervisor +running/m);
    // One that a person starts, with the data directory in the environment, is found as well.
    await coppice.kill('supervisor');
    coppice.start('supervise');
    await allRun(/^supervisor +running/m);
    const second = await coppice.start('supervise', '--data-dir', coppice.dataDir).ended;
    expect(second).toMatchObject({ code: 1, output: expect.stringContaining('another supervisor') });
  });

  it('lets `coppice down` stop everything, and starts nothing afterwards', async () => {
    await coppice.run('down');
    await delay(LOOKS_MS);
    expect(await processesNaming(coppice.dataDir)).toEqual([]);
  });
});

const fileOf = { api: 'server.crt', host: 'daemon-host-a.crt' };

async function removeCertificates({ apiPki, hostPki }: Layout): Promise<void> {
  const ofApi = [fileOf.api, 'admin.crt'].map((name) => join(apiPki, name));
  const ofHosts = [fileOf.host, 'operator.crt'].map((name) => join(hostPki, name));
  for (const file of [...ofApi, ...ofHosts]) await rm(file);
}

/** Serial numbers of the certificates of the API server and of a daemon. */
async function serialsOnDisk({ apiPki, hostPki }: Layout): Promise<readonly string[]> {
  const files = [join(apiPki, fileOf.api), join(hostPki, fileOf.host)];
  return Promise.all(files.map(async (file) => new X509Certificate(await readFile(file)).serialNumber));
}

function serialsServed({ apiPort, hosts }: Settings): Promise<readonly string[]> {
  return Promise.all([apiPort, hosts['host-a'] ?? 0].map(serialServedAt));
}

function serialServedAt(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
    socket.once('error', reject);
  });
}
