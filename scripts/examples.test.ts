import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadAll } from 'js-yaml';
import { describe, expect, it } from 'vitest';

type Manifest = {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
};

const repository = join(import.meta.dirname, '..');
/** Of every cluster, and of the programs that an example is for. */
const EXISTING = ['default', 'coppice-system', 'flux-system', 'argocd'];

/** Objects that kubectl would create before their namespace: it takes a folder's files in the order of their names. */
function beforeTheirNamespace(manifests: readonly Manifest[]): readonly string[] {
  const namespaces = new Set(EXISTING);
  return manifests.flatMap(({ kind, metadata: { name, namespace = 'default' } }) => {
    if (kind === 'Namespace') namespaces.add(name);
    return namespaces.has(namespace) ? [] : [`${kind} ${namespace}/${name}`];
  });
}

const manifestsOf = (folder: string): readonly Manifest[] =>
  globSync('*.yaml', { cwd: join(repository, folder) })
    .sort()
    .flatMap((file) => loadAll(readFileSync(join(repository, folder, file), 'utf8')) as Manifest[]);

const files = globSync('examples/**/*.yaml', { cwd: repository });
// The health check is a patch of a ConfigMap, not an object.
const folders = [...new Set(files.map(dirname))]
  .filter((folder) => folder !== 'examples/gitops/argocd')
  .sort();

describe('the examples', () => {
  it.each(folders)('%s can be applied in one go: a namespace comes before what is in it', (folder) => {
    const manifests = manifestsOf(folder);
    expect(manifests.length).toBeGreaterThan(0);
    expect(beforeTheirNamespace(manifests)).toEqual([]);
  });

  it('would fail with a namespace that comes later, or not at all', () => {
    const shop = { kind: 'Namespace', metadata: { name: 'shop' } };
    const task = { kind: 'ServiceDeployment', metadata: { name: 'a', namespace: 'shop' } };
    expect(beforeTheirNamespace([shop, task])).toEqual([]);
    expect(beforeTheirNamespace([task, shop])).toEqual(['ServiceDeployment shop/a']);
    expect(beforeTheirNamespace([task])).toEqual(['ServiceDeployment shop/a']);
  });
});
