import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { ensureTap, reapTaps, removeTap, tapNameOf } from '../../../src/hostd/drivers/common/tap.ts';
import { bridgeProblem } from '../../../src/hostd/network/bridge.ts';
import { createHostNetwork, type HostNetwork } from '../../../src/hostd/network/links.ts';
import { describeUnless, itUnless } from '../../skip.ts';
import { BRIDGE, Lan, MTU, type Namespace, whyNoBridges } from '../network/lan.ts';
import { namespacedIp } from '../network/namespaced-ip.ts';
import { noQemu, until } from './scene.ts';

const OWNER = randomUUID();
const WISH = { mac: '52:54:00:00:00:01', bridge: BRIDGE };

describeUnless(whyNoBridges, 'taps', () => {
  let directory: string;
  let lan: Lan;
  let host: Namespace;
  let network: HostNetwork;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'coppice-tap-'));
    lan = await Lan.create(1);
    host = lan.host(0);
    network = await networkThat();
  });

  afterAll(async () => {
    await lan?.close();
    await rm(directory, { recursive: true, force: true });
  });

  async function networkThat(failAt?: string): Promise<HostNetwork> {
    return createHostNetwork(systemClock, await namespacedIp(directory, host.name, failAt));
  }

  // One test that fails leaves the others what they need.
  afterEach(async () => {
    for (const name of await names()) await host.ip('link', 'delete', name);
  });

  /** The bridge's address and MTU; its carrier comes when it comes. */
  async function bridgeNow() {
    const [, , address] = (await host.ip('-br', 'link', 'show', BRIDGE)).split(/\s+/);
    return { address, mtu: (await network.link(BRIDGE))?.mtu };
  }

  async function names(): Promise<readonly string[]> {
    return (await network.links()).map(({ name }) => name).filter((name) => name.startsWith('cop-'));
  }

  it('are not created while the bridge has a problem, which is reported', async () => {
    const reasonNow = async () => (await bridgeProblem(network, BRIDGE, { taps: true }))?.reason;
    expect(await reasonNow()).toBe('BridgeMissing');
    await host.ip('link', 'add', BRIDGE, 'type', 'veth', 'peer', 'name', 'other');
    expect(await reasonNow()).toBe('NotABridge');
    await host.ip('link', 'delete', BRIDGE);
    await host.ip('link', 'add', BRIDGE, 'type', 'bridge');
    expect(await reasonNow()).toBe('BridgeDown');
    await expect(ensureTap(network, randomUUID(), WISH, OWNER)).rejects.toMatchObject({
      reason: 'BridgeDown',
    });
    await host.ip('link', 'delete', BRIDGE);
    await lan.makeBridge(0);
    expect(await reasonNow()).toBeUndefined();
    expect(await names()).toEqual([]);
  });

  it.each(['tuntap', 'alias'])('are gone on with after a death before %s', async (word) => {
    const uuid = randomUUID();
    const before = await bridgeNow();
    await expect(ensureTap(await networkThat(word), uuid, WISH, OWNER)).rejects.toMatchObject({
      reason: 'NetworkToolFailed',
    });
    for (let time = 0; time < 2; time += 1) {
      await ensureTap(network, uuid, WISH, OWNER);
      expect(await network.link(tapNameOf(uuid))).toMatchObject({
        type: 'tap',
        master: BRIDGE,
        mtu: MTU,
        up: true,
        alias: `coppice:${uuid}:${OWNER}`,
      });
    }
    // Neither the bridge's address nor its MTU is any different for its new port.
    expect(await bridgeNow()).toEqual(before);
    await expect(removeTap(await networkThat('delete'), uuid)).rejects.toThrow();
    await removeTap(network, uuid);
    await removeTap(network, uuid);
    expect(await names()).toEqual([]);
  });

  it('that a death left without an inscription are still taken away with their VM', async () => {
    const uuid = randomUUID();
    await expect(ensureTap(await networkThat('alias'), uuid, WISH, OWNER)).rejects.toThrow();
    expect(await names()).toEqual([tapNameOf(uuid)]);
    await removeTap(network, uuid);
    expect(await names()).toEqual([]);
  });

  it('are never taken for those of others that have their name', async () => {
    const uuid = randomUUID();
    const name = tapNameOf(uuid);
    const makers = [
      ['link', 'add', name, 'type', 'bridge'],
      ['tuntap', 'add', 'dev', name, 'mode', 'tun'],
      ['tuntap', 'add', 'dev', name, 'mode', 'tap'],
    ];
    for (const make of makers) {
      await host.ip(...make);
      if (make.at(-1) === 'tap') await host.ip('link', 'set', 'dev', name, 'alias', 'somebody’s');
      await expect(ensureTap(network, uuid, WISH, OWNER)).rejects.toMatchObject({
        reason: 'InterfaceTaken',
      });
      await removeTap(network, uuid);
      expect((await network.link(name))?.master).toBeUndefined();
      expect(await names()).toEqual([name]);
      await host.ip('link', 'delete', name);
    }
  });

  itUnless(
    noQemu,
    'are reaped only when they are surely ours and nobody has them or needs them',
    async () => {
      const [gone, known, foreign, unmarked, used] = Array.from({ length: 5 }, () => randomUUID()) as [
        string,
        string,
        string,
        string,
        string,
      ];
      for (const uuid of [gone, known, used]) await ensureTap(network, uuid, WISH, OWNER);
      await ensureTap(network, foreign, WISH, randomUUID());
      await expect(ensureTap(await networkThat('alias'), unmarked, WISH, OWNER)).rejects.toThrow();
      const tap = `tap,id=net,ifname=${tapNameOf(used)},script=no,downscript=no`;
      const qemu = ['qemu-system-x86_64', '-M', 'none', '-nodefaults', '-display', 'none', '-netdev', tap];
      const user = spawn('nsenter', [`--net=/run/netns/${host.name}`, ...qemu], { stdio: 'ignore' });
      try {
        await until('the tap is used', async () => (await network.link(tapNameOf(used)))?.carrier === true);
        expect(await reapTaps(network, OWNER, new Set([known]))).toEqual([tapNameOf(gone)]);
        const left = [known, foreign, unmarked, used].map(tapNameOf);
        expect((await names()).toSorted()).toEqual(left.toSorted());
      } finally {
        user.kill('SIGKILL');
        await once(user, 'exit');
      }
    },
  );
});
