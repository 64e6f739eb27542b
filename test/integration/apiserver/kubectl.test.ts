import { readdir } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findKubectl, Kubectl, NO_KUBECTL } from '../../kubectl.ts';
import { describeUnless } from '../../skip.ts';
import { newWorld, WIDGETS, type World } from './world.ts';

const WIDGET = `
apiVersion: example.com/v1
kind: Widget
metadata: {name: NAME, labels: {app: test}}
spec: {colour: green, replicas: 2, parts: [{name: left, weight: 1}]}
`;

function manifest(name: string, change: (text: string) => string = (text) => text): string {
  return change(WIDGET.replace('NAME', name));
}

const program = await findKubectl();

describeUnless(program === undefined ? NO_KUBECTL : undefined, 'real kubectl', () => {
  let world: World;
  let kubectl: Kubectl;

  beforeAll(async () => {
    world = await newWorld();
    kubectl = new Kubectl(program ?? '', world.kubeconfig);
  });

  afterAll(() => world.end());

  it('applies, changes and shows an object', async () => {
    expect(await kubectl.ok(['apply', '-f', '-'], manifest('shown'))).toBe(
      'widget.example.com/shown created\n',
    );
    expect(await kubectl.ok(['apply', '-f', '-'], manifest('shown'))).toBe(
      'widget.example.com/shown unchanged\n',
    );
    const blue = manifest('shown', (text) => text.replace('green', 'blue'));
    expect(await kubectl.ok(['apply', '-f', '-'], blue)).toBe('widget.example.com/shown configured\n');
    const lines = (await kubectl.ok(['get', 'wi', 'shown', '-o', 'wide'])).split('\n');
    expect(lines[0]?.split(/\s+/)).toEqual(['NAME', 'COLOUR', 'REPLICAS', 'READY', 'NOTE', 'AGE']);
    expect(lines[1]).toMatch(/^shown\s+blue\s+2\s+\d+s$/);
  });

  it('refuses what the kind forbids, naming field and rule', async () => {
    const unknown = await kubectl.run(
      ['apply', '-f', '-'],
      manifest('bad', (text) => text.replace('replicas', 'replicsa')),
    );
    expect(unknown.code).toBe(1);
    expect(unknown.stderr).toContain('unknown field "spec.replicsa"');
    const many = manifest('bad', (text) =>
      text.replace('green', 'red').replace('replicas: 2', 'replicas: 20'),
    );
    const rule = await kubectl.run(['apply', '-f', '-'], many);
    expect(rule.stderr).toContain(
      'The Widget "bad" is invalid: spec: Invalid value: red widgets come in tens at most',
    );
  });

  it('applies on the server, reports conflicts, and takes over by force', async () => {
    const apply = ['apply', '--server-side', '-f', '-'];
    await kubectl.ok([...apply, '--field-manager=one'], manifest('owned'));
    const other = manifest('owned', (text) => text.replace('green', 'blue'));
    const refused = await kubectl.run([...apply, '--field-manager=two'], other);
    expect(refused.stderr).toContain('conflict with "one": .spec.colour');
    await kubectl.ok([...apply, '--field-manager=two', '--force-conflicts'], other);
    const fields = await kubectl.ok([
      'get',
      'wi',
      'owned',
      '--show-managed-fields',
      '-o',
      'jsonpath={.metadata.managedFields[*].manager}',
    ]);
    expect(fields.split(' ').sort()).toEqual(['one', 'two']);
  });

  it('shows a difference without making it', async () => {
    await kubectl.ok(['apply', '-f', '-'], manifest('differs'));
    const same = await kubectl.run(['diff', '-f', '-'], manifest('differs'));
    expect(same).toEqual({ code: 0, stdout: '', stderr: '' });
    const diff = await kubectl.run(
      ['diff', '-f', '-'],
      manifest('differs', (text) => text.replace('green', 'blue')),
    );
    expect(diff.code).toBe(1);
    expect(diff.stdout).toMatch(/-\s+colour: green\n\+\s+colour: blue/);
    expect(await kubectl.ok(['get', 'wi', 'differs', '-o', 'jsonpath={.spec.colour}'])).toBe('green');
  });

  it('edits by every kind of patch', async () => {
    await kubectl.ok(['apply', '-f', '-'], manifest('patched'));
    await kubectl.ok(['patch', 'wi', 'patched', '--type=merge', '-p', '{"spec":{"note":"a"}}']);
    await kubectl.ok([
      'patch',
      'wi',
      'patched',
      '--type=json',
      '-p',
      '[{"op":"replace","path":"/spec/size","value":"big"}]',
    ]);
    const strategic = await kubectl.run(['patch', 'wi', 'patched', '--type=strategic', '-p', '{"spec":{}}']);
    expect(strategic.stderr).toContain('the body of the request was in an unknown format');
    await kubectl.ok(['label', 'wi', 'patched', 'tier=front']);
    await kubectl.ok(['annotate', 'wi', 'patched', 'example.com/why=because']);
    const query = 'jsonpath={.spec.note} {.spec.size} {.metadata.labels.tier} {.metadata.generation}';
    expect(await kubectl.ok(['get', 'wi', 'patched', '-o', query])).toBe('a big front 3');
  });

  it('scales, and waits for a condition in the status', async () => {
    await kubectl.ok(['apply', '-f', '-'], manifest('scaled'));
    expect(await kubectl.ok(['scale', 'wi/scaled', '--replicas=7'])).toContain('scaled');
    expect(await kubectl.ok(['get', 'wi', 'scaled', '-o', 'jsonpath={.spec.replicas}'])).toBe('7');
    const waiting = kubectl.ok(['wait', 'wi/scaled', '--for=condition=Ready', '--timeout=60s']);
    const status = '{"status":{"conditions":[{"type":"Ready","status":"True"}]}}';
    await kubectl.ok(['patch', 'wi', 'scaled', '--subresource=status', '--type=merge', '-p', status]);
    expect(await waiting).toContain('condition met');
  });

  it('follows changes with get -w until the object is gone', async () => {
    await kubectl.ok(['apply', '-f', '-'], manifest('followed'));
    const watch = kubectl.start(['get', 'wi', 'followed', '-w', '--output-watch-events']);
    const seen: string[] = [];
    for await (const line of createInterface({ input: watch.stdout })) {
      const type = line.split(/\s+/)[0] ?? '';
      seen.push(type);
      // Each step is taken when the one before has been seen.
      if (type === 'ADDED') await kubectl.ok(['label', 'wi', 'followed', 'step=1']);
      if (type === 'MODIFIED') await kubectl.ok(['delete', 'wi', 'followed']);
      if (type === 'DELETED') break;
    }
    watch.kill();
    expect(seen).toEqual(['EVENT', 'ADDED', 'MODIFIED', 'DELETED']);
  });

  it('explains the kind from its schema', async () => {
    const text = await kubectl.ok(['explain', 'widgets.spec.colour']);
    expect(text).toContain('The colour it is painted in.');
    expect(text).toMatch(/ENUM:\s+red\s+green\s+blue/);
    expect(await kubectl.ok(['explain', 'configmap.data'])).toContain('Data contains the configuration data');
  });

  it('deletes with its dependents, in the foreground and leaving orphans', async () => {
    for (const [cascade, dependents] of [
      ['foreground', ''],
      ['orphan', 'configmap/child\n'],
    ] as const) {
      await kubectl.ok(['apply', '-f', '-'], manifest('owner'));
      const uid = await kubectl.ok(['get', 'wi', 'owner', '-o', 'jsonpath={.metadata.uid}']);
      const owner = `{apiVersion: example.com/v1, kind: Widget, name: owner, uid: ${uid}, blockOwnerDeletion: true}`;
      await kubectl.ok(
        ['apply', '-f', '-'],
        `{apiVersion: v1, kind: ConfigMap, metadata: {name: child, ownerReferences: [${owner}]}}`,
      );
      await kubectl.ok(['delete', 'wi', 'owner', `--cascade=${cascade}`, '--timeout=60s']);
      expect(await kubectl.ok(['get', 'cm', 'child', '-o', 'name', '--ignore-not-found'])).toBe(dependents);
    }
    await kubectl.ok(['delete', 'cm', 'child']);
  });

  it('creates built-in kinds, which it sends as protobuf', async () => {
    await kubectl.ok(['create', 'namespace', 'proto']);
    await kubectl.ok(['create', 'configmap', 'c', '-n', 'proto', '--from-literal=key=a value']);
    await kubectl.ok(['create', 'secret', 'generic', 's', '-n', 'proto', '--from-literal=password=hidden']);
    await kubectl.ok(['create', 'serviceaccount', 'robot', '-n', 'proto']);
    expect(await kubectl.ok(['get', 'cm', 'c', '-n', 'proto', '-o', 'jsonpath={.data.key}'])).toBe('a value');
    const secret = await kubectl.ok([
      'get',
      'secret',
      's',
      '-n',
      'proto',
      '-o',
      'jsonpath={.data.password} {.type}',
    ]);
    expect(secret).toBe(`${Buffer.from('hidden').toString('base64')} Opaque`);
    await kubectl.ok(['delete', 'namespace', 'proto', '--timeout=60s']);
    expect(await kubectl.ok(['get', 'namespace', 'proto', '--ignore-not-found'])).toBe('');
  });

  it('asks what it may do and who it is', async () => {
    expect(await kubectl.ok(['auth', 'can-i', 'create', 'widgets'])).toBe('yes\n');
    expect(await kubectl.ok(['auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}'])).toBe('root');
    const asBob = await kubectl.run(['auth', 'can-i', 'create', 'widgets', '--as=bob']);
    expect([asBob.stdout, asBob.code]).toEqual(['no\n', 1]);
  });

  it('lists what is served', async () => {
    const names = await kubectl.ok(['api-resources', '-o', 'name', '--categories=examples']);
    expect(names).toBe('widgets.example.com\n');
    const version = JSON.parse(await kubectl.ok(['version', '-o', 'json'])) as {
      serverVersion: { gitVersion: string };
    };
    expect(version.serverVersion.gitVersion).toMatch(/^v1\.36\.\d+\+coppice$/);
  });

  it("serves the project's own kinds, and validates by their schemas", async () => {
    const folder = new URL('../../../crds/', import.meta.url).pathname;
    const files = (await readdir(folder)).filter((file) => file.endsWith('.yaml'));
    const applied = await kubectl.ok(['apply', '--server-side', '-f', folder]);
    expect(applied.trim().split('\n')).toHaveLength(files.length);
    await kubectl.ok(['wait', 'crd', '--all', '--for=condition=Established', '--timeout=60s']);
    expect(await kubectl.ok(['explain', 'virtualappliances.spec'])).toContain('hostName');
    const empty = await kubectl.run(
      ['apply', '-f', '-'],
      'apiVersion: coppice.dev/v1alpha1\nkind: Template\nmetadata: {name: empty}\nspec: {}\n',
    );
    expect(empty.code).toBe(1);
    expect(empty.stderr).toContain('is invalid');
  });

  it('reads through a get of the raw API, too', async () => {
    const raw = JSON.parse(await kubectl.ok(['get', '--raw', WIDGETS])) as { kind: string };
    expect(raw.kind).toBe('WidgetList');
  });
});
