import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { load, loadAll } from 'js-yaml';
import { expect, it } from 'vitest';
import { EXAMPLE } from './following.ts';

const page = await readFile(join(resolve(import.meta.dirname, '../..'), 'docs/gitops.md'), 'utf8');

function block(language: string): string {
  return new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 's').exec(page)?.[1] ?? '';
}

it('the page shows the Kustomization and the health check that are tested', async () => {
  const flux = loadAll(await readFile(join(EXAMPLE, 'flux/shop.yaml'), 'utf8'));
  expect(load(block('yaml'))).toEqual(flux[1]);
  const health = await readFile(join(EXAMPLE, 'argocd/health.yaml'), 'utf8');
  expect(health.replaceAll(/^ {8}/gm, '')).toContain(block('lua'));
});
