import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { FORWARD_ADDRESS, PortRegistry } from './ports.ts';

const ADA = { uuid: 'a', namespace: 'default', label: 'appliance default/ada' };
const BOB = { uuid: 'b', namespace: 'default', label: 'appliance default/bob' };
const CARL = { uuid: 'c', namespace: 'other', label: 'appliance other/carl' };
const HTTP = [{ name: 'http', guestPort: 80 }];

/** Differs between processes, so that test runs on one machine do not collide; below the ports of outgoing connections. */
const BASE = 11_000 + (process.pid % 250) * 80;

async function withRegistry(first: number, size: number, work: (registry: PortRegistry) => Promise<void>) {
  const registry = new PortRegistry({ range: { first, last: first + size - 1 }, random: () => 0 });
  try {
    await work(registry);
  } finally {
    await registry.close();
  }
}

/** Listens on the port until the work is done. */
async function whileTaken(port: number, work: () => Promise<void>) {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: FORWARD_ADDRESS, port }, resolve);
  });
  try {
    await work();
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

describe('the ports of a host', () => {
  it('are given to one appliance, and to another after their release', async () => {
    await withRegistry(BASE, 2, async (registry) => {
      const [ada, bob] = await Promise.all([
        registry.reserve(ADA, HTTP, {}),
        registry.reserve(BOB, HTTP, {}),
      ]);
      expect([ada.http, bob.http].toSorted()).toEqual([BASE, BASE + 1]);
      const third = registry.reserve(CARL, HTTP, {});
      await expect(third).rejects.toMatchObject({ reason: 'NoFreePort' });
      await registry.release('a');
      expect(await registry.reserve(CARL, HTTP, {})).toEqual({ http: ada.http });
    });
  });

  it('stay the same when an appliance reserves again', async () => {
    await withRegistry(BASE + 10, 5, async (registry) => {
      const first = await registry.reserve(ADA, HTTP, {});
      expect(await registry.reserve(ADA, HTTP, first)).toEqual(first);
    });
  });

  it('are refused with the name of the appliance that has the requested one', async () => {
    await withRegistry(BASE + 20, 5, async (registry) => {
      const wanted = [{ name: 'http', guestPort: 80, hostPort: BASE + 22 }];
      await registry.reserve(ADA, wanted, {});
      await expect(registry.reserve(BOB, wanted, {})).rejects.toMatchObject({
        reason: 'PortInUse',
        message: expect.stringContaining('default/ada'),
      });
    });
  });

  it('are refused without the name of an appliance of another namespace', async () => {
    await withRegistry(BASE + 70, 5, async (registry) => {
      const wanted = [{ name: 'http', guestPort: 80, hostPort: BASE + 72 }];
      await registry.reserve(ADA, wanted, {});
      const refused = await registry.reserve(CARL, wanted, {}).catch((error: Error) => error.message);
      expect(refused).toContain('in use by an appliance of another namespace');
      expect(refused).not.toMatch(/ada|default/);
    });
  });

  it('are given all or none', async () => {
    await withRegistry(BASE + 30, 3, async (registry) => {
      await registry.reserve(ADA, [{ name: 'x', guestPort: 1, hostPort: BASE + 32 }], {});
      const two = [...HTTP, { name: 'x', guestPort: 1, hostPort: BASE + 32 }];
      await expect(registry.reserve(BOB, two, {})).rejects.toMatchObject({ reason: 'PortInUse' });
      expect(await registry.reserve(CARL, HTTP, {})).toEqual({ http: BASE + 30 });
    });
  });

  it('are refused with the name of the process that listens there, and free when it ends', async () => {
    await withRegistry(BASE + 40, 1, async (registry) => {
      const wanted = [{ name: 'http', guestPort: 80, hostPort: BASE + 40 }];
      await whileTaken(BASE + 40, async () => {
        await expect(registry.reserve(ADA, wanted, {})).rejects.toMatchObject({
          reason: 'PortInUse',
          message: expect.stringContaining(`(process ${process.pid})`),
        });
      });
      expect(await registry.reserve(ADA, wanted, {})).toEqual({ http: BASE + 40 });
    });
  });

  it('are never given by two daemons on one machine', async () => {
    await withRegistry(BASE + 50, 2, async (one) => {
      await withRegistry(BASE + 50, 2, async (two) => {
        const [first, second] = await Promise.all([one.reserve(ADA, HTTP, {}), two.reserve(BOB, HTTP, {})]);
        expect(first.http).not.toBe(second.http);
        const wanted = [{ name: 'http', guestPort: 80, hostPort: first.http ?? 0 }];
        await expect(two.reserve(CARL, wanted, {})).rejects.toMatchObject({
          message: expect.stringContaining('another daemon'),
        });
      });
    });
  });

  it('are adopted as recorded while the VM listens there, and are then not free for a start', async () => {
    await withRegistry(BASE + 60, 2, async (registry) => {
      await whileTaken(BASE + 60, async () => {
        await registry.adopt(ADA, { http: BASE + 60 });
        await expect(registry.verifyFree(ADA, { http: BASE + 60 })).rejects.toMatchObject({
          reason: 'PortInUse',
        });
        expect(await registry.reserve(BOB, HTTP, {})).toEqual({ http: BASE + 61 });
      });
      await registry.verifyFree(ADA, { http: BASE + 60 });
    });
  });
});
