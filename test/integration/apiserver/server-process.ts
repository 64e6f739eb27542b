/** An API server in a process of its own, on the data in the folder named, so that tests can kill it. */

import { readFile } from 'node:fs/promises';
import { flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { pino } from 'pino';
import { startApiServer } from '../../../src/apiserver/server.ts';
import type { KubeObject } from '../../../src/apiserver/types.ts';
import { ADMIN_TOKEN, testPki } from './world.ts';

const [, , dir = ''] = process.argv;
const { ca, certificates } = await testPki(dir);
const crd = JSON.parse(await readFile(join(dir, 'widgets.json'), 'utf8')) as KubeObject;
const { key, cert } = certificates.server;
const server = await startApiServer({
  storagePath: join(dir, 'api.db'),
  listen: { host: '127.0.0.1', port: 0 },
  tls: { key, cert, clientCa: ca.cert },
  tokens: [{ token: ADMIN_TOKEN, user: 'root', groups: ['system:masters'] }],
  crds: [crd],
  log: pino({ level: 'silent' }),
});
// It is killed, and would not leave what it has compiled to the next.
flushCompileCache();
process.stdout.write(`${server.url}\n`);
