// node modules-match-lockfile.mjs LOCKFILE INSTALLED: exit code 0 when npm's own record of what it installed (the last file
// that a whole installation writes) agrees with the lockfile. Plain JavaScript: it runs before Node 24 is there.
import { readFileSync } from 'node:fs';

const [locked, installed] = process.argv
  .slice(2)
  .map((file) => JSON.parse(readFileSync(file, 'utf8')).packages);

const wanted = Object.entries(locked).filter(([path]) => path !== '');
const absent = wanted.filter(
  ([path, entry]) => !entry.optional && !entry.devOptional && installed[path] === undefined,
);
const different = Object.entries(installed).filter(
  ([path, entry]) => locked[path]?.version !== entry.version,
);

process.exit(absent.length + different.length === 0 ? 0 : 1);
