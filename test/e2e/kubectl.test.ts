import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findKubectl, Kubectl } from '../kubectl.ts';
import { describeUnless } from '../skip.ts';
import { Coppice } from './coppice.ts';
import { noQemu } from './qemu/scene.ts';

const hello = join(resolve(import.meta.dirname, '../..'), 'examples/hello');
const URL_OF_VM = 'http://127\\.0\\.0\\.1:\\d+/';
const AGE = '\\d+[smh]+';

const program = await findKubectl();

/** One story: a user with nothing but kubectl, from a look at the reference to the end of the last VM. */
describeUnless(noQemu, 'a user with kubectl', () => {
  let coppice: Coppice | undefined;
  let kubectl: Kubectl;

  beforeAll(async () => {
    if (program === undefined) return;
    coppice = await Coppice.up();
    kubectl = new Kubectl(program, coppice.layout.kubeconfig);
  });
  afterAll(() => coppice?.close());

  const vms = async () => (await coppice?.vms()) ?? [];
  const skipWithoutKubectl = (skip: (condition: boolean, note: string) => void) =>
    skip(program === undefined, 'no kubectl: put one into the PATH, or set KUBEBUILDER_ASSETS');
  const rowsOf = async (...args: readonly string[]) =>
    (await kubectl.ok(['get', ...args])).trimEnd().split('\n');

  it('reads the reference', async ({ skip }) => {
    skipWithoutKubectl(skip);
    const text = await kubectl.ok(['explain', 'sd.spec.services.template.policy']);
    expect(text).toContain('FIELD: policy <string>');
    // kubectl breaks lines.
    expect(text.replaceAll(/\s+/g, ' ')).toContain('follow the newest version of the series');
    for (const kind of ['sd', 'va', 'tpl', 'hosts', 'ippools', 'tpllabel']) {
      expect(await kubectl.ok(['explain', kind, '--recursive'])).toContain('conditions');
    }
  });

  it('sees the hosts and the template', async ({ skip }) => {
    skipWithoutKubectl(skip);
    const [header, ...hosts] = await rowsOf('hosts');
    expect(header?.split(/\s{2,}/)).toEqual([
      'NAME',
      'READY',
      'UNSCHEDULABLE',
      'DRIVER',
      'ACCELERATOR',
      'CPU',
      'MEMORY',
      'APPLIANCES',
      'AGE',
    ]);
    expect(hosts).toHaveLength(2);
    for (const host of hosts)
      expect(host).toMatch(/^host-[ab] +True +false +qemu +(tcg|kvm) +\d+m? +\S+i? +0 +/);
    const [titles, ...templates] = await rowsOf('tpl', '-n', 'coppice-system');
    expect(titles?.split(/\s{2,}/)).toEqual([
      'NAME',
      'SERIES',
      'VERSION',
      'READY',
      'HOSTS',
      'APPLIANCES',
      'AGE',
    ]);
    // Digests are part of the names, which sort with `minimal-command-…`.
    expect(templates).toContainEqual(expect.stringMatching(/^minimal-\w+ +minimal +\S+ +(True|False) /));
  });

  it('applies a task, waits until it is Ready and finds where it answers', async ({ skip }) => {
    skipWithoutKubectl(skip);
    expect(await kubectl.ok(['apply', '-f', hello])).toBe('servicedeployment.coppice.dev/hello created\n');
    await kubectl.ok(['wait', 'sd/hello', '--for=condition=Ready', '--timeout=420s']);
    expect(await rowsOf('sd')).toEqual([
      expect.stringMatching(/^NAME +STATE +READY +AVAILABLE +WANTED +URL +AGE$/),
      expect.stringMatching(new RegExp(`^hello +Deployed +True +2 +2 +${URL_OF_VM} +${AGE}$`)),
    ]);
    const row = (name: string) =>
      expect.stringMatching(
        new RegExp(
          `^${name} +ServiceAvailable +host-[ab] +${URL_OF_VM} +True +True +ServiceAvailable +${AGE}$`,
        ),
      );
    expect(await rowsOf('va')).toEqual([
      expect.stringMatching(/^NAME +STATE +HOST +URL +READY +AVAILABLE +REASON +AGE$/),
      row('hello-web-0'),
      row('hello-web-1'),
    ]);
    const urls = await kubectl.ok(['get', 'va', '-o', 'jsonpath={.items[*].status.url}']);
    for (const url of urls.split(' ')) {
      expect(await (await fetch(url)).text()).toContain('Hello from a virtual machine');
    }
    expect(await vms()).toHaveLength(2);
    const generation = () => kubectl.ok(['get', 'sd', 'hello', '-o', 'jsonpath={.metadata.generation}']);
    const before = await generation();
    expect(await kubectl.ok(['apply', '-f', hello])).toBe('servicedeployment.coppice.dev/hello unchanged\n');
    expect(await generation()).toBe(before);
  });

  it('describes the history of an appliance', async ({ skip }) => {
    skipWithoutKubectl(skip);
    const described = await kubectl.ok(['describe', 'va', 'hello-web-0']);
    expect(described).toMatch(/Normal +ServiceAvailable +\S+ +coppice-operator +the service answers at http/);
    const story = (await coppice?.run('describe', 'hello-web-0')) ?? '';
    expect(story).toMatch(/Placement:\n {2}host-[ab] .*\n {2}host-[ab]: (has|is) /);
    for (const step of ['Disk', 'Start', 'Agent', 'Install', 'Service'])
      expect(story).toMatch(new RegExp(`${step} +Done +\\d+ +\\d+`));
    expect(story).toContain('qemu-system-x86_64');
    expect(story).toMatch(/Console \(last lines\):[\s\S]*coppice-guest ready/);
    expect(await coppice?.run('logs', 'hello-web-0')).toContain('coppice-guest ready');
    await expect(coppice?.run('logs', 'hello-web-0', '--service')).rejects.toThrow('has no log of its own');
    expect(await coppice?.run('get')).toMatch(
      /hello\/web +default\/hello-web-1 +host-[ab] +ServiceAvailable/,
    );
  });

  it('sits down at its console with `coppice console`, and leaves it by Ctrl-]', async ({ skip }) => {
    skipWithoutKubectl(skip);
    const sitting = coppice?.startAtTerminal('console', 'hello-web-0');
    if (coppice === undefined || sitting === undefined) throw new Error('Coppice is not up');
    const untilSaid = (words: string) =>
      coppice?.eventually(`it says ${words}`, async () => expect(sitting.output()).toContain(words));
    await untilSaid('Connected to default/hello-web-0; Ctrl-] disconnects.');
    // The first key has the guest start a shell.
    sitting.type('\r');
    sitting.type('echo typed-$((40 + 2))\r');
    await untilSaid('typed-42');
    sitting.type('\x1d');
    expect((await sitting.ended).code).toBe(0);
    await expect(coppice.run('console', 'hello-web-7')).rejects.toThrow(/"hello-web-7" not found/);
  });

  it('scales to one and to none, and deletes', async ({ skip }) => {
    skipWithoutKubectl(skip);
    const before = await vms();
    await kubectl.ok(['scale', 'sd/hello', '--replicas=1']);
    await kubectl.ok(['wait', 'va/hello-web-1', '--for=delete', '--timeout=120s']);
    const kept = await kubectl.ok(['get', 'va', 'hello-web-0', '-o', 'jsonpath={.metadata.uid}']);
    expect(await vms()).toEqual(before.filter(({ uuid }) => uuid === kept));
    expect(await kubectl.ok(['delete', '-f', hello])).toContain(
      'servicedeployment.coppice.dev "hello" deleted',
    );
    await kubectl.ok(['wait', 'va/hello-web-0', '--for=delete', '--timeout=120s']);
    expect(await vms()).toEqual([]);
    expect(await coppice?.overlays()).toEqual([]);
  });
});
