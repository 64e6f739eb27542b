import { randomBytes, randomUUID } from 'node:crypto';
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
import { answer, atOnce, type Clone, Clones, interrupted, unlessInterrupted } from './clones.ts';
import { noQemu } from './scene.ts';

const patience = { timeoutMs: 120_000 };
const CLONES = Number(process.env.COPPICE_TEST_CLONES ?? 4);
const OLD_ID = '0123456789abcdef0123456789abcdef';

/** A machine with all that clones would share: an id, keys, seeds, a lease, hooks, and a clock of long ago. */
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
udhcpc -f -i eth0 -s /bin/true >/dev/null 2>&1 </dev/null &
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

const RESTART = { kind: 'Restart', stop: [], start: [] } as const;
const take = async (guest: Guest | undefined, identity: CloneIdentity) => {
  if (guest === undefined) throw new Error('there is no guest');
  await takeIdentity(guest, identity, { clock: systemClock, signal: new AbortController().signal });
};

describeUnless(noQemu, 'VMs that continue from one memory', () => {
  let clones: Clones;

  beforeAll(async () => {
    clones = await Clones.of(async (guest) => {
      await run(guest, PREPARE);
      // For a moment the kernel does not reseed itself, so that clones that nobody reseeds draw the same.
      await guest.exec(['/root/reseed'], { ...patience, input: randomBytes(SEED_BYTES) });
    });
  });
  afterAll(() => clones?.close());

  const identityOf = ({ vm }: Pick<Clone, 'vm'>, change: Partial<CloneIdentity> = {}): CloneIdentity => ({
    uuid: vm.uuid,
    mac: vm.network.mac,
    from: { uuid: clones.source.uuid, mac: clones.source.network.mac },
    hostname: `clone-${vm.uuid.slice(0, 8)}`,
    network: { mode: 'user' },
    onClone: { kind: 'Hook' },
    ...change,
  });
  const expectWhole = async (guest: Guest, identity: CloneIdentity | undefined) => {
    if (identity === undefined) throw new Error('there is no identity');
    const { uuid, mac, hostname, onClone } = identity;
    const id = uuid.replaceAll('-', '');
    const [name, inFile, machine, dbus, link, key, seed, instance] = await linesOf(guest, WHO);
    expect([name, inFile, machine, dbus, instance]).toEqual([hostname, hostname, id, id, uuid]);
    expect(link).toContain(` ${mac} `);
    expect(key).toMatch(/^public /);
    expect(seed).not.toContain('51bd5d6a');
    const client = '/proc/$(pidof udhcpc)/cmdline | tr "\\0" " "';
    expect(await run(guest, `cat ${client}`)).toBe('udhcpc -f -i eth0 -s /bin/true');
    const left = await run(guest, 'ls -A /etc/coppice /run | grep -E "taking|coppice-clone" || true');
    expect(left).toBe('');
    const hooked = onClone.kind === 'Hook' ? `${uuid} ${hostname}` : '';
    const said = await linesOf(guest, 'tail -n 1 /root/hooked 2>/dev/null || true');
    expect(said).toEqual([hooked]);
  };
  const isConnected = async (guest: Guest) => (await run(guest, 'cat /sys/class/net/eth0/carrier')) === '1';
  const serverOf = (guest: Guest) => run(guest, 'pidof httpd || true');

  it(`are twins, and ${CLONES} machines when each has its identity`, async () => {
    const twins: Clone[] = [];
    const before: (readonly string[])[] = [];
    for (let index = 0; index < CLONES; index += 1) {
      const clone = await clones.clone();
      before.push(await linesOf(clone.guest, DRAW));
      twins.push(clone);
    }
    const [first = []] = before;
    for (const draws of before) {
      for (const way of [/^[0-9a-f-]{36}$/, /^ /])
        expect(draws.filter((draw) => way.test(draw) && first.includes(draw))).not.toEqual([]);
    }
    const same = await Promise.all(twins.map(({ guest }) => run(guest, `${WHO}; date +%Y`)));
    expect(new Set(same).size).toBe(1);
    expect(same[0]).toContain(clones.source.network.mac);
    expect(same[0]).toMatch(/\n2001$/);

    const identities = twins.map((clone, index) =>
      identityOf(clone, index % 2 === 0 ? {} : { onClone: RESTART }),
    );
    await atOnce(identities.map((identity, index) => () => take(twins[index]?.guest, identity)));
    const after = await Promise.all(twins.map(({ guest }) => linesOf(guest, DRAW)));
    const all = [...first, ...after.flat()];
    expect(new Set(all).size).toBe(all.length);
    const who = await Promise.all(twins.map(({ guest }) => linesOf(guest, WHO)));
    for (const line of [0, 1, 2, 3, 4, 5, 6, 7])
      expect(new Set(who.map((each) => each[line])).size, who[0]?.[line]).toBe(CLONES);
    for (const [index, { guest }] of twins.entries()) {
      await expectWhole(guest, identities[index]);
      const [asked, told, answered] = [Date.now(), Number(await run(guest, 'date +%s')) * 1000, Date.now()];
      expect(told).toBeGreaterThan(asked - 3000);
      expect(told).toBeLessThan(answered + 3000);
      expect(await isConnected(guest)).toBe(false);
    }
    await Promise.all(twins.map(({ end }) => end()));
  });

  it('start their services again when they shall, and keep their processes when they shall not', async () => {
    const clone = await clones.clone();
    const { guest } = clone;
    const client = await run(guest, 'pidof udhcpc');
    const server = await serverOf(guest);
    expect(server).toMatch(/^\d+$/);
    const first = identityOf(clone);
    await take(guest, first);
    expect(await serverOf(guest)).toBe(server);
    // It would go on with the lease of the machine that it was made from.
    expect(await run(guest, 'pidof udhcpc')).not.toBe(client);

    // The same VM stands for one whose memory is a clone's: its guest cannot see the difference.
    const second = identityOf(clone, {
      uuid: randomUUID(),
      mac: '52:00:00:00:00:02',
      from: first,
      onClone: RESTART,
    });
    await run(guest, 'rm /root/hooked');
    await take(guest, second);
    await expectWhole(guest, second);
    await expect.poll(() => serverOf(guest), { timeout: 60_000 }).toMatch(/^\d+$/);
    expect(await serverOf(guest)).not.toBe(server);
    await clone.connect();
    await expect.poll(() => isConnected(guest), { timeout: 60_000 }).toBe(true);
    const { network } = clone.vm;
    const port = network.mode === 'user' ? network.forwards[0]?.hostPort : undefined;
    await expect.poll(() => answer(port), { timeout: 60_000 }).toBe(200);
    const stranger = take(guest, identityOf(clone, { uuid: randomUUID() }));
    await expect(stranger).rejects.toMatchObject({ reason: 'WrongGuest' });
    await clone.end();
  });

  it.each([
    ['10.0.8.4', 24, '10.0.8.1', '10.0.8.2'],
    ['fd00::4', 64, 'fd00::1', 'fd00::53'],
  ])(
    'have the address %s on a bridge before they are connected',
    async (address, prefixLength, gateway, dns) => {
      const clone = await clones.clone();
      const network = { mode: 'bridge', ports: [], address, prefixLength, gateway, dns: [dns] } as const;
      const identity = identityOf(clone, { network });
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
    const clone = await clones.clone();
    const { guest } = clone;
    const identity = identityOf(clone);
    await run(
      guest,
      '(while :; do echo twin >/proc/sys/kernel/hostname; sleep 0.05; done) >/dev/null 2>&1 & echo $! >/root/pid',
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
    const clone = await clones.clone();
    const { guest } = clone;
    const identity = identityOf(clone);
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
    const counted = await clones.clone();
    const counter = interrupted(counted.guest, Infinity, 'before');
    await take(counter.guest, identityOf(counted));
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
      runs.map(({ parts, stop, onClone }) => async () => {
        const clone = await clones.clone();
        const { guest } = clone;
        const identity = identityOf(clone, { onClone });
        const { uuid, from, hostname, mac } = identity;
        const values = [
          uuid,
          from.uuid,
          hostname,
          mac,
          from.mac,
          'user',
          onClone.kind,
          `${Math.floor(Date.now() / 10) - 3000}`,
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
