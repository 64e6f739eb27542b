import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { runHostd } from '../../../src/main/hostd.ts';
import { freePorts } from '../../kubernetes/processes.ts';
import { bundled } from '../../programs.ts';
import { configOf, createCertificates, withDirectory } from './fixtures.ts';

const CHILD = await bundled(new URL('child.ts', import.meta.url));

describe('what the probes of a DaemonSet ask of a daemon', () => {
  it('is answered without a certificate, to this machine alone, for as long as the daemon runs', async () => {
    await withDirectory(async (directory) => {
      const [healthPort = 0] = await freePorts(1);
      const daemon = await runHostd(configOf(directory, await createCertificates(), { healthPort }));
      try {
        expect(await get(`http://127.0.0.1:${healthPort}/healthz`)).toBe(200);
        expect(await get(`http://127.0.0.1:${healthPort}/v1/host`)).toBe(404);
        for (const address of ownAddresses()) {
          await expect(get(`http://${address}:${healthPort}/healthz`)).rejects.toThrow();
        }
      } finally {
        await daemon.close();
      }
      await expect(get(`http://127.0.0.1:${healthPort}/healthz`)).rejects.toThrow();
    });
  });

  it('is not answered by a process that hangs, though it takes connections', async () => {
    await withDirectory(async (directory) => {
      const [healthPort = 0] = await freePorts(1);
      const certificates = join(directory, 'certificates.json');
      await writeFile(certificates, JSON.stringify(await createCertificates()));
      const args = [CHILD, join(directory, 'state'), certificates, JSON.stringify({ healthPort })];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      try {
        await once(createInterface({ input: child.stdout }), 'line');
        const url = `http://127.0.0.1:${healthPort}/healthz`;
        expect(await get(url)).toBe(200);
        child.kill('SIGSTOP');
        const socket = connect(healthPort, '127.0.0.1');
        await once(socket, 'connect');
        socket.destroy();
        await expect(get(url, 1000)).rejects.toThrow('timeout');
        child.kill('SIGCONT');
        expect(await get(url)).toBe(200);
      } finally {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
    });
  });

  it('keeps the daemon from starting where the port is taken, and leaves nothing of it behind', async () => {
    await withDirectory(async (directory) => {
      const certificates = await createCertificates();
      const taken = createServer();
      await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
      const { port: healthPort } = taken.address() as AddressInfo;
      try {
        const config = configOf(directory, certificates, { healthPort });
        await expect(runHostd(config)).rejects.toMatchObject({ code: 'EADDRINUSE', port: healthPort });
      } finally {
        await new Promise((resolve) => taken.close(resolve));
      }
      await (await runHostd(configOf(directory, certificates))).close();
    });
  });
});

async function get(url: string, timeoutMs = 60_000): Promise<number> {
  const { status } = await fetch(url, {
    signal: AbortSignal.timeout(timeoutMs),
    headers: { connection: 'close' },
  });
  return status;
}

/** Those of this machine that others reach it by. */
function ownAddresses(): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap((each = []) => each);
  return all.filter(({ internal, family }) => !internal && family === 'IPv4').map(({ address }) => address);
}
