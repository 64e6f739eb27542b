import { createHash, randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findCondition } from '../../src/api/conditions.ts';
import { SERVICE_DEPLOYMENTS } from '../../src/api/kinds.ts';
import { tar, tarEntry } from '../../src/hostd/guest/packages/testing/archives.ts';
import { findPart, logFile } from '../../src/main/local/processes.ts';
import { MisbehavingServer, serving } from '../integration/hostd/misbehaving-server.ts';
import { describeUnless } from '../skip.ts';
import { Coppice } from './coppice.ts';
import { killAndWait, rssOf } from './processes.ts';
import { noQemu } from './qemu/scene.ts';
import {
  appliancesOf,
  apply,
  aTask,
  fetchText,
  removeTasks,
  untilServed,
  urlOf,
  type WrittenService,
} from './tasks.ts';

const MIB = 1024 * 1024;
const digestOf = (content: Buffer) => createHash('sha256').update(content).digest('hex');

/** Packages at a server, each at an address of its own. */
class Packages {
  readonly #server: MisbehavingServer;
  readonly #contents = new Map<string, Buffer>();

  constructor(server: MisbehavingServer) {
    this.#server = server;
    server.answer((request, response) => {
      const content = this.#contents.get(request.url ?? '');
      if (content === undefined) response.writeHead(404).end();
      else serving(content)(request, response);
    });
  }

  /** @param files names, as bytes, and texts */
  tar(files: Readonly<Record<string, string>>): WrittenService['package'] {
    return this.raw(tar(...Object.entries(files).map(([name, text]) => tarEntry({ name, text }))));
  }

  raw(content: Buffer, name = 'app.tar'): WrittenService['package'] {
    const path = `/${digestOf(content)}/${name}`;
    this.#contents.set(path, content);
    return { url: this.#server.url(path), sha256: digestOf(content) };
  }
}

describeUnless(noQemu, 'a change of the package', () => {
  let coppice: Coppice;
  let server: MisbehavingServer;
  let packages: Packages;

  beforeAll(async () => {
    server = await MisbehavingServer.start();
    packages = new Packages(server);
    coppice = await Coppice.up('--hosts', '1');
  });
  afterAll(async () => {
    await coppice?.close();
    await server?.close();
  });

  const readyOf = async (task: string) => {
    const { status } = await coppice.client.get(SERVICE_DEPLOYMENTS, { name: task, namespace: 'default' });
    return findCondition(status?.conditions, 'Ready');
  };
  const untilTold = (task: string, reason: string, says: RegExp) =>
    coppice.eventually(`${reason} is reported`, async () => {
      const told = { status: 'False', reason, message: expect.stringMatching(says) };
      expect(await readyOf(task)).toMatchObject(told);
      return (await readyOf(task))?.message ?? '';
    });
  const urlOfTask = async (task: string) => {
    const [appliance] = await appliancesOf(coppice, task);
    if (appliance === undefined) throw new Error(`${task} has no appliance`);
    return urlOf(appliance);
  };

  /** Writes down what the URL answers, until it is stopped; each change of the answer once, with how often it came. */
  const follow = (url: string) => {
    const seen: { text: string; count: number }[] = [];
    let stopped = false;
    const following = (async () => {
      while (!stopped) {
        const text = await fetchText(url).catch(() => 'no answer');
        const last = seen.at(-1);
        if (last?.text === text) last.count += 1;
        else seen.push({ text, count: 1 });
        await delay(100);
      }
    })();
    return async () => {
      stopped = true;
      await following;
      return seen;
    };
  };

  const PROGRAM = `read -r version <index.html
echo "$version" >>"$COPPICE_DATA/log"
ln -sf "$COPPICE_DATA/log" log
exec busybox httpd -f -p 8080 -h .
`;
  const program = (version: string, more: Readonly<Record<string, string>> = {}) =>
    aTask('program', {
      template: { series: 'minimal-command', namespace: 'coppice-system' },
      package: packages.tar({ 'index.html': `${version}\n`, 'run.sh': PROGRAM, ...more }),
      parameters: { command: ['sh', 'run.sh'] },
    });

  it('keeps what a service wrote into its data directory; the old service answers until the new one starts', async () => {
    await apply(coppice, program('first'));
    await untilServed(coppice, 'program', 1, 'first\n');
    const url = await urlOfTask('program');
    const stop = follow(url);
    // It takes seconds to be transferred.
    await apply(coppice, program('second', { ballast: randomBytes(3 * MIB).toString('latin1') }));
    await untilServed(coppice, 'program', 1, 'second\n');
    const seen = await stop();
    const texts = seen.map(({ text }) => text);
    expect(texts.filter((text) => text !== 'no answer')).toEqual(['first\n', 'second\n']);
    expect(texts[0]).toBe('first\n');
    expect(seen[0]?.count).toBeGreaterThan(10);
    expect(await fetchText(`${url}log`)).toBe('first\nsecond\n');
  });

  it('that the daemon was killed in, again and again, goes on, and the old service answers meanwhile', async () => {
    const url = await urlOfTask('program');
    for (const [at, pauseMs] of [500, 1_500, 3_000, 4_500].entries()) {
      await apply(coppice, program(`killed ${at}`, { ballast: randomBytes(3 * MIB).toString('latin1') }));
      await delay(pauseMs);
      await coppice.kill('host-a');
      expect(await fetchText(url).catch(() => 'restarting')).toMatch(/second|killed|restarting/);
      await coppice.run('up');
      await untilServed(coppice, 'program', 1, `killed ${at}\n`);
    }
    expect(await fetchText(`${url}log`)).toMatch(
      /^first\nsecond\n(killed 0\n)+(killed 1\n)+(killed 2\n)+(killed 3\n)+$/,
    );
  });

  it('that the VM was killed in is made when it runs again, and the data is there', async () => {
    const [vm] = await coppice.vms();
    if (vm === undefined) throw new Error('there is no VM');
    await apply(coppice, program('after the VM', { ballast: randomBytes(3 * MIB).toString('latin1') }));
    await delay(2_500);
    await killAndWait(vm.pid);
    await untilServed(coppice, 'program', 1, 'after the VM\n');
    expect(await fetchText(`${await urlOfTask('program')}log`)).toMatch(/^first\nsecond\n.*after the VM\n$/s);
  });

  it('to one without the program that the command names is refused with its name, and changes nothing', async () => {
    const wrong = program('wrong');
    const spec = wrong.spec as { services: WrittenService[] };
    const services = spec.services.map((each) => ({ ...each, parameters: { command: ['./start'] } }));
    await apply(coppice, { ...wrong, spec: { services } });
    await untilTold('program', 'GuestCommandFailed', /put the package in place.*has no file \.\/start/s);
    expect(await fetchText(await urlOfTask('program'))).toBe('after the VM\n');
  });

  it('to a program that ends at once is reported with its exit code and its last words', async () => {
    await apply(coppice, program('broken', { 'run.sh': 'echo "cannot open the database" >&2; exit 3\n' }));
    await untilTold(
      'program',
      'ServiceEnded',
      /ended \d+ times, .* exit code 3, .*: cannot open the database/s,
    );
    await apply(coppice, program('fixed'));
    await untilServed(coppice, 'program', 1, 'fixed\n');
    const log = await coppice.run('logs', 'sd/program', '--service');
    expect(log).toContain('cannot open the database\ncoppice: the service ended with status 3');
    const end = await coppice.run('logs', 'va/program-web-0', '--service', '--bytes', '20');
    expect(Buffer.byteLength(end)).toBe(20);
    expect(log.endsWith(end)).toBe(true);
  });

  it('to one that prints without end keeps its log short in the guest', async () => {
    const flood = `busybox yes | busybox head -c 11000000; echo flooded\n${PROGRAM}`;
    await apply(coppice, program('talkative', { 'run.sh': flood }));
    await untilServed(coppice, 'program', 1, 'talkative\n');
    await coppice.eventually('the log is cut', async () =>
      expect(await coppice.run('logs', 'sd/program', '--service')).toBe(''),
    );
  });

  it('to one whose probe prints without end fills neither logs nor memory', async () => {
    const flood = aTask('program', {
      template: { series: 'minimal-command', namespace: 'coppice-system' },
      package: packages.tar({ 'index.html': 'flood\n', 'run.sh': PROGRAM }),
      parameters: {
        command: ['sh', 'run.sh'],
        probe: {
          exec: { command: ['sh', '-c', 'busybox yes | busybox head -c 12000000; echo the end; exit 7'] },
        },
      },
      timeouts: { serviceSeconds: 20 },
    } as WrittenService);
    await apply(coppice, flood);
    const message = await untilTold(
      'program',
      'ServiceTimeout',
      /sh in the guest ends with exit code 7: .*the end/s,
    );
    expect(message.length).toBeLessThan(2048);
    await delay(10_000);
    for (const part of ['host-a', 'operator']) {
      expect((await stat(logFile(coppice.layout, part))).size).toBeLessThan(MIB);
      const pid = await findPart(coppice.layout, part);
      expect(await rssOf(pid ?? Number.NaN)).toBeLessThan(400 * MIB);
    }
    await removeTasks(coppice, 'program');
  });

  it('of a site replaces it as a whole, whatever its files are called, again and again', async () => {
    const paths = {
      'gr\xc3\xbcezi.html': 'gr%C3%BCezi.html',
      'two\nlines': 'two%0Alines',
      'caf\xe9': 'caf%E9',
      '?': '%3F',
    };
    const site = (text: string, own: string) => {
      const odd = Object.fromEntries(Object.keys(paths).map((name) => [name, `${text} odd\n`]));
      return aTask('site', { package: packages.tar({ 'index.html': text, [own]: text, ...odd }) });
    };
    let before: string | undefined;
    for (const text of ['first\n', 'second\n', 'third\n']) {
      const own = `${text.trim()}.html`;
      await apply(coppice, site(text, own));
      await untilServed(coppice, 'site', 1, text);
      const url = await urlOfTask('site');
      for (const path of Object.values(paths)) expect(await fetchText(url + path)).toBe(`${text} odd\n`);
      expect(await fetchText(url + own)).toBe(text);
      if (before !== undefined) await expect(fetchText(url + before)).rejects.toThrow('404');
      before = own;
    }
  });

  it.each([
    ['an empty archive', 'site.tar', () => tar(), /site\.tar .*is empty: there is no file in it/],
    [
      'half an archive',
      'site.tar.gz',
      () => gzipSync(tar(tarEntry({ name: 'a', text: randomBytes(MIB).toString('hex') }))).subarray(0, MIB),
      /cut off/,
    ],
    [
      'a file outside',
      'site.tar',
      () => tar(tarEntry({ name: '../../etc/passwd', text: 'x' })),
      /leads out of the package/,
    ],
  ])('to %s is refused, and the site stays', async (_, name, content, says) => {
    await apply(coppice, aTask('site', { package: packages.raw(content(), name) }));
    await untilTold('site', 'PackageInvalid', says);
    expect(await fetchText(await urlOfTask('site'))).toBe('third\n');
  });
});
