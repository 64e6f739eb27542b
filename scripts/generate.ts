/**
 * Generates what follows from other files: TypeScript types and the chart `coppice-crds` from `crds/`, the chart `coppice`'s
 * RBAC from the operator's table of permissions and (for users) from `crds/`, its admission policies from the table of kinds that have owners, the choices of drivers from their table, the linter's rules from the list
 * of rooms, and the page of the charts' values. `--check` writes nothing and exits with 1, naming the files, when
 * a checked-in file is not what would be written, or is not written any more.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generateValuesPage } from './generate/chart-values.ts';
import { generateCrdTemplate } from './generate/crd-template.ts';
import { withDriversInCrd, withDriversInValues } from './generate/drivers.ts';
import { withLayersInLinter, withLayersInPage } from './generate/layers.ts';
import { generateOwnership } from './generate/ownership.ts';
import { generateRbac } from './generate/rbac.ts';
import { generateTypes } from './generate/types.ts';
import { generateUserRoles } from './generate/user-roles.ts';

const root = join(import.meta.dirname, '..');
const types = join(root, 'src/api/generated');
const crdTemplates = join(root, 'charts/coppice-crds/templates');
const valuesPage = join(root, 'docs/helm-values.md');
const rbacTemplate = join(root, 'charts/coppice/templates/operator-rbac.yaml');
const ownershipTemplate = join(root, 'charts/coppice/templates/ownership.yaml');
const userRolesTemplate = join(root, 'charts/coppice/templates/user-roles.yaml');

/** Files that are written by hand except for one part. */
const PARTS: Readonly<Record<string, (text: string) => string | Promise<string>>> = {
  'crds/hosts.yaml': withDriversInCrd,
  'charts/coppice/values.schema.json': withDriversInValues,
  'biome.json': withLayersInLinter,
  'docs/architecture.md': withLayersInPage,
};

async function generateAll(): Promise<Map<string, string>> {
  const outputs = new Map<string, string>();
  for (const [file, generate] of Object.entries(PARTS))
    outputs.set(join(root, file), await generate(await readFile(join(root, file), 'utf8')));
  const read = async (file: string) => outputs.get(file) ?? (await readFile(file, 'utf8'));
  const crds = (await readdir(join(root, 'crds'))).filter((name) => name.endsWith('.yaml')).sort();
  for (const name of crds) {
    const text = await read(join(root, 'crds', name));
    outputs.set(join(types, name.replace(/\.yaml$/, '.ts')), await generateTypes(`crds/${name}`, text));
    outputs.set(join(crdTemplates, name), generateCrdTemplate(name, text));
  }
  outputs.set(rbacTemplate, generateRbac());
  outputs.set(ownershipTemplate, generateOwnership());
  const crdTexts = crds.map((name) => read(join(root, 'crds', name)));
  outputs.set(userRolesTemplate, generateUserRoles(await Promise.all(crdTexts)));
  const charts = ['charts/coppice-crds', 'charts/coppice'].map(async (chart) => ({
    chart,
    schema: await read(join(root, chart, 'values.schema.json')),
    values: await read(join(root, chart, 'values.yaml')),
  }));
  outputs.set(valuesPage, generateValuesPage(await Promise.all(charts)));
  return outputs;
}
/** Files in the folders that hold nothing but generated ones, and that no source makes any more. */
async function leftovers(outputs: ReadonlyMap<string, string>): Promise<string[]> {
  const folders = [types, crdTemplates].map(async (folder) =>
    (await readdir(folder)).map((name) => join(folder, name)),
  );
  // NOTES.txt is written by hand.
  return (await Promise.all(folders)).flat().filter((file) => !file.endsWith('.txt') && !outputs.has(file));
}

async function staleFiles(outputs: ReadonlyMap<string, string>): Promise<string[]> {
  const stale: string[] = [];
  for (const [file, text] of outputs) {
    const found = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (found !== text) stale.push(file);
  }
  return stale;
}

const outputs = await generateAll();
for (const folder of [types, crdTemplates]) await mkdir(folder, { recursive: true });
const stale = await staleFiles(outputs);
const superfluous = await leftovers(outputs);
if (process.argv.includes('--check')) {
  for (const file of stale) console.error(`${file} is not up to date: run npm run generate`);
  for (const file of superfluous) console.error(`${file} has no source any more: run npm run generate`);
  process.exitCode = stale.length + superfluous.length > 0 ? 1 : 0;
} else {
  for (const file of stale) await writeFile(file, outputs.get(file) ?? '');
  for (const file of superfluous) await rm(file);
  console.log(`${stale.length} of ${outputs.size} files written, ${superfluous.length} removed`);
}
