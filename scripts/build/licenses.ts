import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const PACKAGE = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//;
const LICENSE = /^(licen[cs]e|notice|copying)/i;
/** Comments that must be kept, such as the notices of third-party code inside a package. */
const LEGAL_COMMENT = /\/\*!.*?\*\//gs;

/**
 * The licences of the packages that these modules belong to, as text: most of them must be distributed with the code.
 * @param modules paths; those that belong to no package are ignored
 */
export async function licensesOf(modules: readonly string[]): Promise<string> {
  const byPackage = Map.groupBy(modules, (id) => PACKAGE.exec(id)?.[1]);
  const texts = [...byPackage].flatMap(([folder, ids]) =>
    folder === undefined ? [] : [licenseOf(folder, ids)],
  );
  return (await Promise.all(texts)).sort().join(`\n${'-'.repeat(80)}\n\n`);
}

async function licenseOf(folder: string, modules: readonly string[]): Promise<string> {
  const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {
    name: string;
    version: string;
    license?: string;
  };
  const files = (await readdir(folder)).filter((file) => LICENSE.test(file)).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  const code = await Promise.all(modules.map((id) => readFile(id, 'utf8')));
  const comments = new Set(code.flatMap((text) => text.match(LEGAL_COMMENT) ?? []));
  const parts = [`${name} ${version} (${license ?? 'see below'})`, ...texts, ...comments];
  return `${parts.map((part) => part.trim()).join('\n\n')}\n`;
}
