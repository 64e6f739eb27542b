import { randomBytes, randomUUID } from 'node:crypto';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { changeScript, PARTS } from '../../../src/hostd/guest/clone/change.ts';
import { takeIdentity } from '../../../src/hostd/guest/clone/clone-identity.ts';
import { CLONE, PRELUDE } from '../../../src/hostd/guest/clone/prelude.ts';
import { RESEED_FORMAT, SEED_BYTES } from '../../../src/hostd/guest/clone/reseed-program.ts';
import type { CloneIdentity } from '../../../src/hostd/guest/clone/types.ts';
import type { Guest } from '../../../src/hostd/guest/guest.ts';
import { shellScript } from '../../../src/hostd/guest/session.ts';
import { describeUnless } from '../../skip.ts';
import { buildGuestImage } from '../guest-vm.ts';
import { CapturedGuest, type Clone, SOURCE } from './clones.ts';
import { noQemu } from './scene.ts';

const repository = resolve(import.meta.dirname, '../../..');
const patience = { timeoutMs: 120_000 };
const CLONES = Number(process.env.COPPICE_TEST_CLONES ?? 4);
/** As many as there are processors on the smallest machine: their guests have no other. */
const AT_ONCE = 2;
const OLD_ID = '0123456789abcdef0123456789abcdef';

/** A machine with all that clones would share: an id, keys, seeds, a service, and a clock of long ago. */
const PREPARE = `printf '#!/bin/sh\\nread -r id </proc/sys/kernel/random/uuid\\necho "$3 $id" >"$7"\\necho "public $id" >"$7.pub"\\n' >/usr/bin/ssh-keygen
chmod 0755 /usr/bin/ssh-keygen
mkdir -p /etc/ssh /var/lib/dbus /var/lib/systemd /var/lib/cloud/instances/source /var/lib/cloud/data /etc/coppice/on-clone.d
echo ${OLD_ID} >/etc/machine-id
echo ${OLD_ID} >/var/lib/dbus/machine-id
echo key >/etc/ssh/ssh_host_ed25519_key
echo seed >/var/lib/systemd/random-seed
echo lease >/var/lib/cloud/instances/source/user-data
ln -s instances/source /var/lib/cloud/instance
echo source >/var/lib/cloud/data/instance-id
printf '#!/bin/sh\\necho "$COPPICE_UUID $COPPICE_HOSTNAME" >>/root/hooked\\n' >/etc/coppice/on-clone.d/10-say
printf '#!/bin/sh\\nif [ -e /root/refuse ]; then echo "the cellar is full"; exit 3; fi\\n' >/etc/coppice/on-clone.d/20-refuse
chmod 0755 /etc/coppice/on-clone.d/*
printf '${RESEED_FORMAT}' >/root/reseed
chmod 0755 /root/reseed
cat /proc/sys/kernel/random/boot_id
date -s @1000000000
sync
`;

/** What a guest says of itself, by other means than those that set it. */
const WHO = `hostname; cat /etc/hostname /etc/machine-id /var/lib/dbus/machine-id
ip link show eth0 | tail -n 1
cat /etc/ssh/ssh_host_ed25519_key.pub 2>/dev/null || echo no
sha256sum /var/lib/systemd/random-seed
cat /var/lib/cloud/data/instance-id /var/lib/cloud/instance/user-data`;

/** Sixteen draws of the kernel's random numbers by two ways. */
const DRAW = `for i in 0 1 2 3 4 5 6 7; do read -r id </proc/sys/kernel/random/uuid; echo "$id"; done
dd if=/dev/urandom bs=16 count=8 2>/dev/null | od -An -v -tx1 -w16`;

const run = async (guest: Guest, script: string, input?: Uint8Array) => {
  const options = input === undefined ? patience : { ...patience, input };
  const { exitCode, stdout, stderr } = await guest.exec(['/bin/sh', '-c', script], options);
  expect(exitCode, stderr).toBe(0);
  return stdout.trim();
};
const linesOf = async (guest: Guest, script: string) => (await run(guest, script)).split('\n');

const identityOf = (change: Partial<CloneIdentity> = {}): CloneIdentity => {
  const uuid = randomUUID();
  const mac = `52:${[...randomBytes(5)].map((byte) => byte.toString(16).padStart(2, '0')).join(':')}`;
  const common = { uuid, mac, from: SOURCE, hostname: `clone-${uuid.slice(0, 8)}` };
  return { ...common, network: { mode: 'user' }, onClone: { kind: 'Hook' }, ...change };
};
const RESTART = { kind: 'Restart', stop: [], start: [] } as const;
const take = (guest: Guest, identity: CloneIdentity, signal = new AbortController().signal) =>
  takeIdentity(guest, identity, { clock: systemClock, signal });

describeUnless(noQemu, 'VMs that continue from one memory', () => {
  let captured: CapturedGuest;

  beforeAll(async () => {
    const image = await buildGuestImage(repository, join(repository, '.coppice/test-guest'));
    captured = await CapturedGuest.of(image, async (guest) => {
      await run(guest, PREPARE);
      // The kernel does not draw afresh by itself for a moment, so that clones that nobody reseeds draw the same.
      await guest.exec(['/root/reseed'], { ...patience, input: randomBytes(SEED_BYTES) });
    });
  });
  afterAll(() => captured?.close());

  const expectWhole = async (guest: Guest, { uuid, mac, hostname, onClone }: CloneIdentity) => {
    const id = uuid.replaceAll('-', '');
    const [name, inFile, machine, dbus, link, key, seed, instance] = await linesOf(guest, WHO);
    expect([name, inFile, machine, dbus, instance]).toEqual([hostname, hostname, id, id, uuid]);
    expect(link).toContain(` ${mac} `);
    expect(key).toMatch(/^public /);
    expect(seed).not.toContain('51bd5d6a');
    const left = await run(guest, 'ls -A /etc/coppice /run | grep -E "taking|coppice-clone" || true');
    expect(left).toBe('');
    const hooked = onClone.kind === 'Hook' ? `${uuid} ${hostname}` : '';
    const said = await linesOf(guest, 'tail -n 1 /root/hooked 2>/dev/null || true');
    expect(said).toEqual([hooked]);
  };
  const isConnected = async (guest: Guest) => (await run(guest, 'cat /sys/class/net/eth0/carrier')) === '1';
  const serverOf = (guest: Guest) => run(guest, 'pidof httpd || true');

  it(`are twins, and ${CLONES} machines when each has its identity`, async () => {
    const clones: Clone[] = [];
    const before: string[][] = [];
    for (let index = 0; index < CLONES; index += 1) {
      const clone = await captured.clone(`twin-${index}`);
      before.push(await linesOf(clone.guest, DRAW));
      clones.push(clone);
    }
    const [first = []] = before;
    for (const draws of before) {
      expect(draws.filter((draw) => draw.includes('-') && first.includes(draw))).not.toEqual([]);
      expect(draws.filter((draw) => draw.startsWith(' ') && first.includes(draw))).not.toEqual([]);
    }
    const twins = await Promise.all(clones.map(({ guest }) => run(guest, `${WHO}; date +%Y`)));
    expect(new Set(twins).size).toBe(1);
    expect(twins[0]).toContain(SOURCE.mac);
    expect(twins[0]).toMatch(/\n2001$/);

    const identities = clones.map((_, index) => identityOf(index % 2 === 0 ? {} : { onClone: RESTART }));
    await atOnce(
      clones.map(
        ({ guest }, index) =>
          () =>
            take(guest, identities[index] ?? identityOf()),
      ),
    );
    const after = await Promise.all(clones.map(({ guest }) => linesOf(guest, DRAW)));
    const all = [...(before[0] ?? []), ...after.flat()];
    expect(new Set(all).size).toBe(all.length);
    const who = await Promise.all(clones.map(({ guest }) => linesOf(guest, WHO)));
    for (const line of [0, 1, 2, 3, 4, 5, 6, 7])
      expect(new Set(who.map((each) => each[line])).size, who[0]?.[line]).toBe(CLONES);
    for (const [index, { guest }] of clones.entries()) {
      await expectWhole(guest, identities[index] ?? identityOf());
      const [asked, told, answered] = [Date.now(), Number(await run(guest, 'date +%s')) * 1000, Date.now()];
      expect(told).toBeGreaterThan(asked - 3000);
      expect(told).toBeLessThan(answered + 3000);
      expect(await isConnected(guest)).toBe(false);
    }
    await clones[0]?.link(true);
    await expect.poll(() => isConnected(clones[0]?.guest as Guest), { timeout: 60_000 }).toBe(true);
    for (const clone of clones) await clone.end();
  });

  it('start their services again when they shall, and keep their processes when they shall not', async () => {
    const clone = await captured.clone('services');
    const { guest } = clone;
    const server = await serverOf(guest);
    expect(server).toMatch(/^\d+$/);
    const first = identityOf();
    await take(guest, first);
    expect(await serverOf(guest)).toBe(server);

    // The same VM stands for one whose memory is a clone's: its guest cannot see the difference.
    const second = identityOf({ from: first, onClone: RESTART });
    await run(guest, 'rm /root/hooked');
    await take(guest, second);
    await expectWhole(guest, second);
    await expect.poll(() => serverOf(guest), { timeout: 60_000 }).toMatch(/^\d+$/);
    expect(await serverOf(guest)).not.toBe(server);
    const stranger = take(guest, identityOf());
    await expect(stranger).rejects.toMatchObject({ reason: 'WrongGuest' });
    await clone.end();
  });

  it.each([
    ['10.0.8.4', 24, '10.0.8.1', '10.0.8.2'],
    ['fd00::4', 64, 'fd00::1', 'fd00::53'],
  ])(
    'have the address %s on a bridge before they are connected',
    async (address, prefixLength, gateway, dns) => {
      const clone = await captured.clone('bridge');
      const network = { mode: 'bridge', ports: [], address, prefixLength, gateway, dns: [dns] } as const;
      const identity = identityOf({ network });
      await take(clone.guest, identity);
      await expectWhole(clone.guest, identity);
      const found = await run(clone.guest, 'ip addr show eth0; ip route; ip -6 route; cat /etc/resolv.conf');
      for (const part of [`${address}/${prefixLength} `, `default via ${gateway} `, dns])
        expect(found).toContain(part);
      expect(found).not.toContain('10.0.2.15');
      await clone.end();
    },
  );

  it('stay disconnected while a part is not their own, and say which', async () => {
    const clone = await captured.clone('stubborn');
    const { guest } = clone;
    const identity = identityOf();
    await run(
      guest,
      '(while :; do echo twin >/proc/sys/kernel/hostname; done) >/dev/null 2>&1 & echo $! >/root/pid',
    );
    await expect(take(guest, identity)).rejects.toMatchObject({
      reason: 'CloneIdentityFailed',
      message: expect.stringMatching(/'hostname' is not its own: its hostname is twin, and not clone-/),
    });
    await run(
      guest,
      'kill $(cat /root/pid); mount -t tmpfs none /mnt; echo x >/mnt/id; mount -o bind /mnt/id /etc/machine-id',
    );
    await expect(take(guest, identity)).rejects.toMatchObject({
      message: expect.stringMatching(/'machine-id'.*busy/i),
    });
    await run(guest, 'umount /etc/machine-id; touch /root/refuse');
    await expect(take(guest, identity)).rejects.toMatchObject({
      message: expect.stringMatching(
        /'hooks'.*the cellar is full\nthe hook 20-refuse ended with exit code 3/,
      ),
    });
    expect(await isConnected(guest)).toBe(false);
    await run(guest, 'rm /root/refuse');
    await take(guest, identity);
    await expectWhole(guest, identity);
    expect((await linesOf(guest, 'cat /root/hooked')).length).toBe(1);
    await clone.end();
  });

  it('stay disconnected when their agent ends, and go on with another', async () => {
    const clone = await captured.clone('mute');
    const { guest } = clone;
    const identity = identityOf();
    await run(
      guest,
      '(while [ ! -e /run/coppice-clone ]; do :; done; kill -KILL $(pidof qemu-ga)) >/dev/null 2>&1 &',
    );
    await expect(take(guest, identity)).rejects.toMatchObject({
      reason: expect.stringMatching(/^(Guest)?Agent/),
    });
    await guest.ping(patience.timeoutMs);
    expect(await isConnected(guest)).toBe(false);
    await take(guest, identity);
    await expectWhole(guest, identity);
    await clone.end();
  });

  it('have the whole identity after an end between any two parts, and any two calls of the agent', async () => {
    const counted = await captured.clone('counted');
    const counter = interrupted(counted.guest, Infinity, 'before');
    await take(counter.guest, identityOf());
    await counted.end();
    expect(counter.calls()).toBeGreaterThan(4);
    const stops = (['before', 'during'] as const).flatMap((when) =>
      Array.from({ length: counter.calls() }, (_, index) => ({ at: index + 1, when })),
    );
    expect(stops.length).toBeLessThanOrEqual(PARTS.length);
    const runs = PARTS.map((_, index) => ({
      parts: PARTS.slice(0, index),
      stop: stops[index % stops.length] ?? { at: 1, when: 'before' },
      onClone: index % 2 === 0 ? RESTART : ({ kind: 'Hook' } as const),
    }));
    await atOnce(
      runs.map(({ parts, stop, onClone }, index) => async () => {
        const clone = await captured.clone(`interrupted-${index}`);
        const { guest } = clone;
        const identity = identityOf({ onClone });
        const { uuid, hostname, mac } = identity;
        const values = [
          uuid,
          SOURCE.uuid,
          hostname,
          mac,
          SOURCE.mac,
          'user',
          onClone.kind,
          `${Math.floor(Date.now() / 1000)}`,
        ];
        const argv = shellScript(`${PRELUDE}${changeScript(parts)}`, values, CLONE);
        const { exitCode, stderr } = await guest.exec(argv, { ...patience, input: randomBytes(SEED_BYTES) });
        expect(exitCode, stderr).toBe(0);
        await take(interrupted(guest, stop.at, stop.when).guest, identity).catch(unlessInterrupted);
        await take(guest, identity);
        await expectWhole(guest, identity);
        await clone.end();
      }),
    );
  });
});

class Interrupted extends Error {}

function unlessInterrupted(error: unknown): void {
  if (!(error instanceof Interrupted)) throw error;
}

/** A guest whose daemon ends with a call: before the guest gets it, or while the guest is at it, which then goes on alone. */
function interrupted(guest: Guest, at: number, when: 'before' | 'during') {
  let calls = 0;
  const counted =
    <Args extends readonly unknown[], T>(call: (...args: Args) => Promise<T>) =>
    async (...args: Args): Promise<T> => {
      calls += 1;
      if (calls > at || (calls === at && when === 'before')) throw new Interrupted();
      const result = call(...args);
      if (calls < at) return result;
      result.catch(() => undefined);
      await delay(100);
      throw new Interrupted();
    };
  const proxy = { ...guest, exec: counted(guest.exec), interfaces: counted(guest.interfaces) };
  return { guest: proxy, calls: () => calls };
}

async function atOnce(works: readonly (() => Promise<unknown>)[]): Promise<void> {
  const waiting = [...works];
  const worker = async () => {
    for (let work = waiting.shift(); work !== undefined; work = waiting.shift()) await work();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
