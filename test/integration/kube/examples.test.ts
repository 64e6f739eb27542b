import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findKubectl, Kubectl, NO_KUBECTL } from '../../kubectl.ts';
import { startTestApi, type TestApi } from '../../kubernetes/factory.ts';
import { describeUnless } from '../../skip.ts';

const EXAMPLES = resolve(import.meta.dirname, '../../../examples');

const program = await findKubectl();

describeUnless(program === undefined ? NO_KUBECTL : undefined, 'a fresh cluster', () => {
  let api: TestApi;
  let kubectl: Kubectl;

  beforeAll(async () => {
    api = await startTestApi();
    kubectl = new Kubectl(program as string, api.kubeconfigPath);
  });
  afterAll(() => api?.stop());

  const examples: readonly (readonly [folder: string, objects: number])[] = [
    ['gitops/shop', 4],
    ['network', 2],
    ['cloud-image', 2],
    ['building', 3],
    ['hello', 1],
    ['command', 1],
    ['recall', 1],
  ];

  it.each(examples)('takes examples/%s by one kubectl apply', async (folder, count) => {
    const printed = await kubectl.ok(['apply', '--validate=strict', '-f', join(EXAMPLES, folder)]);
    const lines = printed.trimEnd().split('\n');
    expect(lines).toHaveLength(count);
    for (const line of lines) expect(line).toMatch(/ created$/);
  });

  it.each(examples)('changes nothing when examples/%s is applied again', async (folder) => {
    const path = join(EXAMPLES, folder);
    const generations = () =>
      kubectl.ok([
        ...['get', '-f', path, '-o'],
        'jsonpath={.metadata.generation}{range .items[*]}{.metadata.generation} {end}',
      ]);
    const before = await generations();
    expect(before).toMatch(/\d/);
    expect(await kubectl.run(['diff', '-f', path])).toMatchObject({ code: 0, stdout: '' });
    const lines = (await kubectl.ok(['apply', '-f', path])).trimEnd().split('\n');
    for (const line of lines) expect(line).toMatch(/ unchanged$/);
    expect(await generations()).toBe(before);
  });

  it('shows in the list of hosts which ones are cordoned', async () => {
    const host = (name: string, spec: object) => ({
      apiVersion: 'coppice.dev/v1alpha1',
      kind: 'Host',
      metadata: { name },
      spec: { address: 'https://127.0.0.1:1', ...spec },
    });
    const items = [host('host-a', {}), host('host-b', { unschedulable: true })];
    await kubectl.ok(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
    const cordoned = async () => {
      const [header = '', ...rows] = (await kubectl.ok(['get', 'hosts'])).trimEnd().split('\n');
      const column = header.indexOf('UNSCHEDULABLE');
      expect(column).toBeGreaterThan(0);
      return rows.map((row) => row.slice(column).split(/\s/)[0]);
    };
    expect(await cordoned()).toEqual(['false', 'true']);
    await kubectl.ok(['patch', 'host', 'host-b', '--type=merge', '-p', '{"spec":{"unschedulable":false}}']);
    expect(await cordoned()).toEqual(['false', 'false']);
  });
});
