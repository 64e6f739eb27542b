import type { Recipe, Workshop } from './workshop.ts';

const BUILDER = `import { serviceNameOf } from './names.ts';
import type { ServicePlan, ServiceRequest } from './types.ts';

/** Counts the files of a package, and does nothing with them. */
export function buildToy(request: ServiceRequest): ServicePlan {
  const { container, package: facts } = request;
  const files = facts.kind === 'files' ? facts.files.length : 0;
  const count = ['echo', String(files)];
  const probe = { kind: 'tcp', port: container.port } as const;
  return {
    name: serviceNameOf(request),
    actions: [{ kind: 'exec', title: 'count the files', argv: count, timeoutSeconds: 10 }],
    start: [],
    stop: [],
    containerProbe: probe,
    serviceProbe: probe,
    accessPath: '/',
  };
}
`;

/** The plan that the daemon would carry out: from the package's facts, through the registry, for a type that templates may have. */
const PROBE = `import type { TemplateSpec } from '../src/api/generated/templates.ts';
import { planService } from '../src/domain/services/builders.ts';
import { describePackage } from '../src/hostd/guest/packages/describe.ts';

const type: NonNullable<TemplateSpec['container']>['type'] = 'toy';
const files = { a: Buffer.from('a'), b: Buffer.from('b') };
const facts = await describePackage({ kind: 'files', files });
const container = { type, port: 80 };
console.log(JSON.stringify(planService({ serviceName: 'shop', package: facts, container, parameters: {} })));
`;

/** A builder, by the recipe. */
export async function addToyBuilder(recipe: Recipe, workshop: Workshop): Promise<void> {
  await recipe.add('src/domain/services/toy.ts', BUILDER);
  await recipe.insert(
    'src/domain/services/builders.ts',
    /BUILDERS: .* = new Map\(\[\n/,
    "  ['toy', buildToy],\n",
  );
  await recipe.insert(
    'src/domain/services/builders.ts',
    "import { buildStaticSite } from './static-site.ts';\n",
    "import { buildToy } from './toy.ts';\n",
  );
  await recipe.insert('crds/templates.yaml', 'enum: [static-site, ', 'toy, ');
  await workshop.probe('builder.ts', PROBE);
}
