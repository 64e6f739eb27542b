import type { Recipe, Workshop } from './workshop.ts';

const DEFINITION = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: toys.coppice.dev
spec:
  group: coppice.dev
  scope: Namespaced
  names: {kind: Toy, listKind: ToyList, plural: toys, singular: toy, categories: [coppice]}
  versions:
    - name: v1alpha1
      served: true
      storage: true
      subresources: {status: {}}
      schema:
        openAPIV3Schema:
          description: A number to double.
          type: object
          required: [spec]
          properties:
            apiVersion: {type: string, description: 'The version of this schema: coppice.dev/v1alpha1'}
            kind: {type: string, description: Toy}
            metadata: {type: object}
            spec:
              description: What is wanted.
              type: object
              properties:
                size: {type: integer, default: 21, description: The number.}
            status:
              description: What is.
              type: object
              properties:
                doubled: {type: integer, description: Twice the number.}
`;

const CONTROLLER = `import { TOYS } from '../../src/api/kinds.ts';
import { keyOf } from '../../src/base/object.ts';
import { sourceOf } from '../../src/kube/controller/controller.ts';
import { done } from '../../src/kube/controller/outcome.ts';
import type { OperatorContext } from '../context.ts';
import type { ControllerDefinition } from '../sources.ts';

/** Doubles numbers. */
export function createToyController({ caches, applier }: OperatorContext): ControllerDefinition {
  return {
    name: 'toy',
    concurrency: 1,
    sources: [sourceOf(caches.toys, (toy) => [keyOf(toy)])],
    reconcile: async (key, signal) => {
      const toy = caches.toys.get(key);
      if (toy !== undefined) await applier.status(TOYS, toy, { doubled: 2 * toy.spec.size }, signal);
      return done;
    },
  };
}
`;

/** An API server with the copy's kinds, and the copy's operator with no more rights than the copy's table grants. */
const PROBE = `import { TOYS } from '../src/api/kinds.ts';
import { eventually } from '../test/integration/operator/eventually.ts';
import { World } from '../test/integration/operator/world.ts';

const world = await World.start();
try {
  await world.startOperator();
  const metadata = { name: 'one', namespace: 'default' };
  const wanted = { apiVersion: 'coppice.dev/v1alpha1', kind: 'Toy', metadata, spec: {} };
  await world.kube.apply(TOYS, wanted, { fieldManager: 'test' });
  const toy = await eventually('the toy has a status', async () => {
    const found = await world.kube.get(TOYS, metadata);
    if (found.status === undefined) throw new Error(JSON.stringify(found));
    return found;
  });
  console.log(JSON.stringify({ spec: toy.spec, status: toy.status }));
} finally {
  await world.stop();
}
`;

/** A kind, by the recipe. */
export async function addToyKind(recipe: Recipe, workshop: Workshop): Promise<void> {
  await recipe.add('crds/toys.yaml', DEFINITION);
  const [imported, kinds] = ['import type { ToySpec, ToyStatus } from', 'src/api/kinds.ts'] as const;
  await recipe.insert(kinds, /^/, `${imported} './generated/toys.ts';\n`);
  await recipe.insert(
    kinds,
    /const GROUP = .*\n/,
    `export type Toy = Kind<ToySpec, ToyStatus>;
export const TOYS: ResourceRef<Toy> = { ...GROUP, plural: 'toys', kind: 'Toy', namespaced: true };
`,
  );
  await recipe.add('controllers/toy/controller.ts', CONTROLLER);
  await recipe.insert('controllers/context.ts', /^/, "import type { Toy } from '../src/api/kinds.ts';\n");
  await recipe.insert(
    'controllers/context.ts',
    'export interface Caches {\n',
    '  readonly toys: Informer<Toy>;\n',
  );
  const caches = 'src/main/operator-caches.ts';
  await recipe.insert(caches, /^/, "import { TOYS } from '../api/kinds.ts';\n");
  await recipe.insert(caches, 'NEEDED_KINDS: readonly ResourceRef[] = [\n', '  TOYS,\n');
  await recipe.insert(caches, /function createCaches[\s\S]*?\n {2}return \{\n/, '    toys: cache(TOYS),\n');
  await recipe.insert(
    'controllers/index.ts',
    /^/,
    "import { createToyController } from './toy/controller.ts';\n",
  );
  await recipe.insert('controllers/index.ts', 'return [\n', '    createToyController(context),\n');
  await recipe.insert(
    'src/main/permissions.ts',
    'export const PERMISSIONS: readonly Permission[] = [\n',
    "  cached('toys'),\n  reported('toys'),\n",
  );
  await workshop.probe('kind.ts', PROBE);
}
