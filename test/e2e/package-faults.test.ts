import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findCondition } from '../../src/api/conditions.ts';
import { CONFIG_MAPS, SERVICE_DEPLOYMENTS } from '../../src/api/kinds.ts';
import { breakingOff, MisbehavingServer, serving } from '../integration/hostd/misbehaving-server.ts';
import { freePorts } from '../kubernetes/processes.ts';
import { describeUnless } from '../skip.ts';
import { Coppice, type Vm } from './coppice.ts';
import { noQemu } from './qemu/scene.ts';
import { appliancesOf, apply, aTask, fetchText, untilServed, urlOf, type WrittenService } from './tasks.ts';

type Package = WrittenService['package'];

interface Fault {
  readonly name: string;
  readonly reason: string;
  readonly says: RegExp;
  /** The task knows of it before its appliance does anything. */
  readonly isTaskAlone?: true;
  /** Arranges the fault; resolves with the package that has it. `text` is what will be served when all is well. */
  arrange(world: { server: MisbehavingServer; text: string }): Promise<Package> | Package;
  /** Fixes it; resolves with the package to declare, or with nothing if the declared one was right. */
  fix(world: { server: MisbehavingServer; coppice: Coppice; text: string }): Promise<Package> | Package;
}

const MIB = 1024 * 1024;
/** The minimal guest's disk has 64 MiB in all. */
const TOO_LARGE = Buffer.alloc(80 * MIB);

const digestOf = (content: string | Buffer) => createHash('sha256').update(content).digest('hex');
const at = (server: MisbehavingServer, text: string): Package => ({
  url: server.url('/index.html'),
  sha256: digestOf(text),
});
/** Serves the text itself: what was declared is right from then on. */
const serve = ({ server, text }: { server: MisbehavingServer; text: string }): undefined => {
  server.answer(serving(Buffer.from(text)));
};

const faults: readonly Fault[] = [
  {
    name: 'a wrong sha256',
    reason: 'DigestMismatch',
    says: /index\.html has the sha256 [0-9a-f]{64}, but b{64} was requested/,
    arrange: ({ server, text }) => {
      serve({ server, text });
      return { url: server.url('/index.html'), sha256: 'b'.repeat(64) };
    },
    fix: ({ server, text }) => at(server, text),
  },
  {
    name: 'an address at which nobody listens',
    reason: 'SourceUnreachable',
    says: /cannot be fetched: .*ECONNREFUSED.*; check the address/,
    arrange: async ({ text }) => {
      const [port] = await freePorts(1);
      return { url: `http://127.0.0.1:${port}/index.html`, sha256: digestOf(text) };
    },
    fix: ({ server, text }) => {
      serve({ server, text });
      return at(server, text);
    },
  },
  {
    name: 'an address at which there is nothing',
    reason: 'SourceUnreachable',
    says: /answered with HTTP status 404/,
    arrange: ({ server, text }) => {
      server.answer((_, response) => response.writeHead(404).end());
      return at(server, text);
    },
    fix: serve,
  },
  {
    name: 'an address that redirects in a circle',
    reason: 'RedirectCircle',
    says: /redirects in a circle: .*\/index\.html → .*\/there → .*\/index\.html/,
    arrange: ({ server, text }) => {
      server.answer(({ url }, response) => {
        const location = url === '/there' ? '/index.html' : '/there';
        response.writeHead(302, { location }).end();
      });
      return at(server, text);
    },
    fix: serve,
  },
  {
    name: 'a transfer that ends early',
    reason: 'SourceEndedEarly',
    says: /ended after \d+ of \d+ bytes/,
    arrange: ({ server, text }) => {
      server.answer(breakingOff(Buffer.from(text), 5));
      return at(server, text);
    },
    fix: serve,
  },
  {
    name: "a package larger than the guest's disk",
    reason: 'GuestDiskFull',
    says: /needs 80\.0 MiB at \/srv\/www.* and the guest's disk has \d+\.\d MiB free: use a larger disk/,
    arrange: ({ server }) => {
      server.answer(serving(TOO_LARGE));
      return { url: server.url('/film.bin'), sha256: digestOf(TOO_LARGE) };
    },
    fix: ({ server, text }) => {
      serve({ server, text });
      return at(server, text);
    },
  },
  {
    name: 'a ConfigMap that there is not yet',
    reason: 'ConfigMapNotFound',
    // What it has is what it declares.
    isTaskAlone: true,
    says: /ConfigMap default\/files .* does not exist: create it/,
    arrange: () => ({ configMap: { name: 'files' } }),
    fix: async ({ coppice, text }) => {
      const metadata = { name: 'files', namespace: 'default' };
      const data = { 'index.html': text };
      await coppice.client.create(CONFIG_MAPS, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data });
      return undefined;
    },
  },
];

/** One VM for all of them: whatever is wrong with a package, it runs on and serves what it had. */
describeUnless(noQemu, "a fault of a service's package", () => {
  let coppice: Coppice;
  let server: MisbehavingServer;
  let vms: readonly Vm[];
  let served = 'first\n';

  const declare = (files: Package) => apply(coppice, aTask('site', { package: files }));
  const readyOf = async () => {
    const [appliance] = await appliancesOf(coppice, 'site');
    const task = await coppice.client.get(SERVICE_DEPLOYMENTS, { name: 'site', namespace: 'default' });
    return [appliance, task].map((object) => findCondition(object?.status?.conditions, 'Ready'));
  };

  beforeAll(async () => {
    server = await MisbehavingServer.start();
    coppice = await Coppice.up('--hosts', '1');
    await declare({ inline: { files: { 'index.html': served } } });
    await untilServed(coppice, 'site', 1, served);
    vms = await coppice.vms();
  });
  afterAll(async () => {
    await coppice?.close();
    await server?.close();
  });

  it.each(faults)(
    '$name is reported, and fixed without a restart',
    async ({ name, reason, says, isTaskAlone, arrange, fix }) => {
      const text = `after ${name}\n`;
      await declare(await arrange({ server, text }));
      await coppice.eventually(`${reason} is reported`, async () => {
        const told = { status: 'False', reason, message: expect.stringMatching(says) };
        const [ready, ofTask] = await readyOf();
        expect(ofTask).toMatchObject(told);
        expect(ready).toMatchObject(isTaskAlone === true ? { status: 'True' } : told);
      });
      const [appliance] = await appliancesOf(coppice, 'site');
      if (appliance === undefined) throw new Error('the appliance is gone');
      expect(await fetchText(urlOf(appliance))).toBe(served);
      const fixed = await fix({ server, coppice, text });
      if (fixed !== undefined) await declare(fixed);
      await untilServed(coppice, 'site', 1, text);
      expect(await coppice.vms()).toEqual(vms);
      served = text;
    },
  );

  it('what a ConfigMap is changed to is served without a restart', async () => {
    const name = { name: 'changing', namespace: 'default' };
    const data = { 'index.html': 'of a ConfigMap\n' };
    await coppice.client.create(CONFIG_MAPS, { apiVersion: 'v1', kind: 'ConfigMap', metadata: name, data });
    await declare({ configMap: { name: name.name } });
    await untilServed(coppice, 'site', 1, data['index.html']);
    const changed = 'of a ConfigMap that was changed\n';
    await coppice.client.patch(CONFIG_MAPS, name, { data: { 'index.html': changed } });
    await untilServed(coppice, 'site', 1, changed);
    expect(await coppice.vms()).toEqual(vms);
  });
});
