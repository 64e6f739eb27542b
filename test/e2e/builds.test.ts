import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findCondition } from '../../src/api/conditions.ts';
import { CONFIG_MAPS, SECRETS, TEMPLATES, type Template, VIRTUAL_APPLIANCES } from '../../src/api/kinds.ts';
import { describeUnless } from '../skip.ts';
import { Coppice } from './coppice.ts';
import { noQemu } from './qemu/scene.ts';
import { apply, aTask, fetchText, manifest, urlOf } from './tasks.ts';

const NAMESPACE = 'default';
const TOKEN = 'not for everybody';

/** Each goes on with what the one before it left. */
describeUnless(noQemu, 'templates that are built', () => {
  let coppice: Coppice;
  let root: { readonly name: string; readonly namespace: string };

  beforeAll(async () => {
    coppice = await Coppice.up();
    const { items } = await coppice.client.list(TEMPLATES, { namespace: 'coppice-system' });
    const minimal = items.find(({ spec }) => spec.series === 'minimal');
    if (minimal === undefined) throw new Error('coppice up declares a template of the series minimal');
    root = { name: minimal.metadata.name, namespace: 'coppice-system' };
    const metadata = (name: string) => ({ name, namespace: NAMESPACE });
    const files = { metadata: metadata('files'), data: { 'a.txt': 'from a ConfigMap\n' } };
    await coppice.client.create(CONFIG_MAPS, { apiVersion: 'v1', kind: 'ConfigMap', ...files });
    const data = { token: Buffer.from(TOKEN).toString('base64') };
    await coppice.client.create(SECRETS, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: metadata('token'),
      data,
    });
  });
  afterAll(() => coppice?.close());

  const template = (name: string) => coppice.client.get(TEMPLATES, { name, namespace: NAMESPACE });
  const build = (name: string, parent: object, steps: readonly object[], more: object = {}) =>
    apply(coppice, manifest('Template', name, { source: { parent, build: { steps, ...more } } }));
  const untilReady = (name: string): Promise<Template> =>
    coppice.eventually(`template ${name} is Ready`, async () => {
      const found = await template(name);
      expect(findCondition(found.status?.conditions, 'Ready')).toMatchObject({ status: 'True' });
      return found;
    });
  const builders = async () =>
    (await coppice.client.list(VIRTUAL_APPLIANCES, { namespace: NAMESPACE })).items
      .filter(({ spec }) => spec.build !== undefined)
      .map(({ metadata }) => metadata.name);

  it('grows a tree: appliances of the second level see what both levels wrote', async () => {
    await build('first', root, [
      { name: 'write', run: 'set -e\necho one >/srv/www/one.txt\nps | head -3' },
      { copy: { from: { configMap: { name: 'files', key: 'a.txt' } }, to: '/srv/www/two.txt' } },
    ]);
    const followed = coppice.start('template', 'logs', '-f', 'first');
    const first = await untilReady('first');
    expect(first.status).toMatchObject({ depth: 2, build: { state: 'Done', key: expect.any(String) } });
    const { code, output } = await followed.ended;
    expect([code, output]).toEqual([0, expect.stringContaining('[coppice] step 1 of 2 (write): run')]);
    expect(output).toContain('PID');

    await build('second', { name: 'first' }, [
      { run: 'cat /srv/www/one.txt /srv/www/two.txt >/srv/www/both.txt' },
      { copy: { from: { secret: { name: 'token', key: 'token' } }, to: '/root/token', mode: '0400' } },
      { run: 'stat -c "%a %s" /root/token >/srv/www/token.txt' },
    ]);
    const second = await untilReady('second');
    expect(second.status?.depth).toBe(3);
    expect(JSON.stringify(second.status)).not.toContain(TOKEN);

    await apply(coppice, aTask('leaf', { template: { name: 'second' }, package: undefined }));
    const [appliance] = await untilServedAt('leaf', 'both.txt', 'one\nfrom a ConfigMap\n');
    expect(await fetchText(new URL('token.txt', appliance).href)).toBe(`400 ${TOKEN.length}\n`);
    await coppice.eventually('the build appliances are gone', async () =>
      expect(await builders()).toEqual([]),
    );
  });

  const untilServedAt = (task: string, path: string, text: string): Promise<readonly string[]> =>
    coppice.eventually(`${task} serves ${path}`, async () => {
      const { items } = await coppice.client.list(VIRTUAL_APPLIANCES, { namespace: NAMESPACE });
      const urls = items.filter(({ metadata }) => metadata.name.startsWith(`${task}-`)).map(urlOf);
      for (const url of urls) expect(await fetchText(new URL(path, url).href)).toBe(text);
      expect(urls).not.toEqual([]);
      return urls;
    });

  it('keeps what was printed while it was built, but no Secret', async () => {
    for (const follow of [[], ['-f']]) {
      const { code, output } = await coppice.start('template', 'logs', ...follow, 'first').ended;
      expect([code, output]).toEqual([0, expect.stringContaining('[coppice] the guest is shut down')]);
      expect(output).toContain('PID');
    }
    const { status } = await template('second');
    expect(await coppice.run('template', 'logs', '--console', 'second')).toContain('coppice-guest ready');
    expect(await coppice.run('template', 'logs', 'second')).not.toContain(TOKEN);
    await coppice.kill(status?.build?.host ?? '');
    await coppice.eventually('the host is there again, and has the log', async () =>
      expect(await coppice.run('template', 'logs', 'second')).toContain('/root/token: '),
    );
  });

  it('builds the same only once', async () => {
    const first = await template('first');
    await build('again', root, [
      { name: 'otherwise', run: 'set -e\necho one >/srv/www/one.txt\nps | head -3' },
      { copy: { from: { configMap: { name: 'files', key: 'a.txt' } }, to: '/srv/www/two.txt' } },
    ]);
    const again = await untilReady('again');
    expect(again.status?.layers).toEqual(first.status?.layers);
    expect(again.status?.build).toMatchObject({ key: first.status?.build?.key, sharedWith: 'first' });
    expect(await builders()).toEqual([]);
    const { code, output } = await coppice.start('template', 'logs', 'again').ended;
    expect([code, output]).toEqual([0, expect.stringContaining('where it was built as template first')]);
    expect(output).toContain('[coppice] step 1 of 2 (write): run');
  });

  it('finds a copy that was damaged', async () => {
    expect(await coppice.run('template', 'verify', 'second')).toMatch(
      /all \d+ copies of its layers are sound/,
    );
    const disk = (await template('second')).status?.layers?.disk ?? '';
    const copies = await Promise.all(
      ['host-a', 'host-b'].map(async (host) => {
        const path = join(coppice.layout.hostState(host), 'layers', disk, 'disk.qcow2');
        return (await stat(path).catch(() => undefined)) === undefined ? [] : [{ host, path }];
      }),
    );
    const [copy] = copies.flat();
    if (copy === undefined) throw new Error('a host has the layer');
    const file = await open(copy.path, 'r+');
    await file.write('spoilt', (await file.stat()).size - 65_536);
    await file.close();
    const { code, output } = await coppice.start('template', 'verify', 'second').ended;
    expect([code, output]).toEqual([1, expect.stringContaining(`host ${copy.host}, layer ${disk}`)]);
  });

  it('says which step fails and why, and keeps it for a look until the template goes', async () => {
    await build('broken', root, [{ run: 'true' }, { name: 'bad', run: 'echo no such luck >&2; exit 3' }]);
    await coppice.eventually('the build has failed', async () => {
      const { status } = await template('broken');
      expect(findCondition(status?.conditions, 'Stalled')).toMatchObject({ status: 'True' });
    });
    const { status } = await template('broken');
    expect(findCondition(status?.conditions, 'Ready')).toMatchObject({ reason: 'BuildStepFailed' });
    expect(findCondition(status?.conditions, 'Ready')?.message).toMatch(
      /step 2 of 2 \(bad\) ended with exit code 3: no such luck;.*appliance default\/broken-build on host/,
    );
    const { code, output } = await coppice.start('template', 'logs', '-f', 'broken').ended;
    expect([code, output]).toEqual([1, expect.stringContaining('no such luck\n')]);
    expect(await coppice.run('exec', 'broken-build', '--', 'echo', 'still here')).toBe('still here\n');
    await coppice.client.delete(TEMPLATES, { name: 'broken', namespace: NAMESPACE });
    await coppice.eventually('its appliance is gone', async () => expect(await builders()).toEqual([]));
  });

  it('loses nothing when daemon and operator are killed in the middle of a step', async () => {
    await build('killed', root, [
      {
        run: 'for n in 1 2 3 4 5 6 7 8; do echo "$n" >>/srv/www/counted; sleep 1; done; cat /srv/www/counted',
      },
    ]);
    await coppice.eventually('the step runs', async () => {
      const { code, output } = await coppice.start('template', 'logs', 'killed').ended;
      expect([code, output]).toEqual([0, expect.stringContaining('step 1 of 1')]);
    });
    const { status } = await template('killed');
    await Promise.all([coppice.kill(status?.build?.host ?? ''), coppice.kill('operator')]);
    await untilReady('killed');
    await apply(coppice, aTask('counted', { template: { name: 'killed' }, package: undefined }));
    await untilServedAt('counted', 'counted', '1\n2\n3\n4\n5\n6\n7\n8\n');
  });
});
