/**
 * Generates what is derived from other files: TypeScript types and the chart `coppice-crds` from `crds/`, the chart
 * `coppice`'s RBAC from the operator's table of permissions, and the page of the charts' values. `--check` writes nothing and exits with 1, naming the files,
 * when what is checked in is not what would be written, or is not written any more.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generateValuesPage } from './generate/chart-values.ts';
import { generateCrdTemplate } from './generate/crd-template.ts';
import { generateRbac } from './generate/rbac.ts';
import { generateTypes } from './generate/types.ts';

const root = join(import.meta.dirname, '..');
const types = join(root, 'src/api/generated');
const crdTemplates = join(root, 'charts/coppice-crds/templates');
const valuesPage = join(root, 'docs/helm-values.md');
const rbacTemplate = join(root, 'charts/coppice/templates/operator-rbac.yaml');

async function generateAll(): Promise<Map<string, string>> {
  const crds = (await readdir(join(root, 'crds'))).filter((name) => name.endsWith('.yaml')).sort();
  const outputs = new Map<string, string>();
  for (const name of crds) {
    const file = join(root, 'crds', name);
    outputs.set(join(types, name.replace(/\.yaml$/, '.ts')), await generateTypes(file));
    outputs.set(join(crdTemplates, name), generateCrdTemplate(name, await readFile(file, 'utf8')));
  }
  outputs.set(rbacTemplate, generateRbac());
  outputs.set(valuesPage, await generateValuesPage(root, ['charts/coppice-crds', 'charts/coppice']));
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
