/** `npm run build [-- FOLDER]`: makes a release in `dist`, or another folder; its bin/coppice runs by the Node of this checkout. */
import { resolve } from 'node:path';
import { linkNode, makeRelease } from './build/release.ts';

const repository = resolve(import.meta.dirname, '..');
const [name = 'dist', ...more] = process.argv.slice(2);
if (more.length > 0 || name.startsWith('-')) {
  console.error('usage: npm run build [-- FOLDER]');
  process.exit(2);
}
const folder = resolve(name);
await makeRelease(repository, folder);
await linkNode(repository, folder);
console.log(`${folder}/bin/coppice`);
