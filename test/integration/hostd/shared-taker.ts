import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { systemClock } from '../../../src/base/clock.ts';
import { identityOf } from '../../../src/hostd/layers/content/identity.ts';
import { RawContent } from '../../../src/hostd/layers/content/raw.ts';
import { nameOf } from '../../../src/hostd/layers/sealing.ts';
import { SharedCopies } from '../../../src/hostd/layers/shared/shared-copies.ts';
import { SharedDirectory } from '../../../src/hostd/layers/shared/shared-directory.ts';

// A host in a process of its own that takes one layer of a shared directory and releases it, again and again: `shared-taker.ts <state directory>
// <shared directory> <rounds> <hosts>`. It begins when so many hosts are there. It ends with an error when the layer's file is not there while it uses it.
const [state = '', path = '', rounds = '0', hosts = '1'] = process.argv.slice(2);
await mkdir(state, { recursive: true });
const directory = new SharedDirectory({
  path,
  record: join(state, 'shared.json'),
  hostName: 'a-host',
  diskFormat: 'raw',
  clock: systemClock,
  lookMs: 60_000,
});
await directory.open();
const openRaw = (file: string) => RawContent.open(file);
const copies = new SharedCopies(directory, openRaw, pino({ level: 'silent' }));
const content = join(state, 'content');
await writeFile(content, 'the same for all');
const known = await nameOf({ path: content, kind: 'boot' }, openRaw);
const identity = identityOf(known.shape, known.manifest);
const folder = join(copies.unfinished, identity);
while ((await readdir(join(path, 'hosts'))).length < Number(hosts)) await delay(5);
let [taken, made] = [0, 0];
for (let round = 0; round < Number(rounds); round += 1) {
  let copy = await copies.claim(identity);
  if (copy === undefined) {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'file'), 'the same for all');
    copy = await copies.place(join(folder, 'file'), folder, known, {});
    made += 1;
  } else taken += 1;
  for (let look = 0; look < 3; look += 1) {
    await stat(join(copy.path, 'blob'));
    if (Math.random() < 0.3) await delay(1);
  }
  await copies.release(identity);
}
process.stdout.write(JSON.stringify({ taken, made }));
