/**
 * `npm run deb -- OUT.deb`: a Debian package of a release and the Node that this checkout runs by. Its daemon is not started:
 * a host has to join first (docs/hosts.md).
 */
import { resolve } from 'node:path';
import { makeDeb } from './build/deb.ts';

const [file, ...more] = process.argv.slice(2);
if (file === undefined || more.length > 0 || file.startsWith('-')) {
  console.error('usage: npm run deb -- OUT.deb');
  process.exit(2);
}
const out = resolve(file);
await makeDeb(resolve(import.meta.dirname, '..'), out);
console.log(out);
