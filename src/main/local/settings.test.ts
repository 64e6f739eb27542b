import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Layout, layoutOf } from './layout.ts';
import { loadSettings, readSettings } from './settings.ts';

describe('settings of a data directory', () => {
  let layout: Layout;
  beforeEach(async () => {
    layout = layoutOf(await mkdtemp(join(tmpdir(), 'coppice-settings-')));
  });
  afterEach(() => rm(layout.root, { recursive: true }));

  it('are chosen once, and saved', async () => {
    expect(await readSettings(layout)).toBeUndefined();
    const chosen = await loadSettings(layout, { apiPort: 17_443, driver: 'simulated', hosts: 3 });
    expect(chosen).toMatchObject({ apiPort: 17_443, driver: 'simulated' });
    expect(Object.keys(chosen.hosts)).toEqual(['host-a', 'host-b', 'host-c']);
    expect(new Set(Object.values(chosen.hosts)).size).toBe(3);
    expect(await loadSettings(layout, {})).toEqual(chosen);
    expect(await readSettings(layout)).toEqual(chosen);
  });

  it.each([
    [{ apiPort: 17_444 }, 'the API port cannot be changed'],
    [{ driver: 'qemu' as const }, 'the driver cannot be changed'],
    [{ hosts: 2 }, 'the number of hosts cannot be changed'],
    [{ bridge: 'br1' }, 'the bridge cannot be changed'],
  ])('refuse %j and stay as they are', async (wanted, sentence) => {
    const chosen = await loadSettings(layout, {
      apiPort: 17_443,
      driver: 'simulated',
      hosts: 1,
      bridge: 'br0',
    });
    await expect(loadSettings(layout, wanted)).rejects.toThrow(sentence);
    expect(await readSettings(layout)).toEqual(chosen);
  });

  it('avoid the usual API port while another program listens there', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => {
      // Taken already by somebody else: all the same for this test.
      other.once('error', () => resolve());
      other.listen(7443, '127.0.0.1', () => resolve());
    });
    try {
      const { apiPort } = await loadSettings(layout, { hosts: 1 });
      expect(apiPort).not.toBe(7443);
      expect(apiPort).toBeGreaterThan(0);
    } finally {
      if ((other.address() as AddressInfo | null) !== null) other.close();
    }
  });

  it.each(['{"apiPort": 74', '{}', 'null', '{"apiPort": 1, "driver": "qemu"}'])(
    'that are damaged (%s) are never replaced silently',
    async (text) => {
      await writeFile(layout.settings, text);
      await expect(loadSettings(layout, {})).rejects.toThrow(`${layout.settings} is damaged: restore it`);
      expect(await readFile(layout.settings, 'utf8')).toBe(text);
    },
  );
});
