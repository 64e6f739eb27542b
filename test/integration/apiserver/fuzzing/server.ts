/** An API server in a process of its own, which says when it is asked how long its thread was busy at one stretch. */

import { pino } from 'pino';
import { startApiServer } from '../../../../src/apiserver/server.ts';
import { ADMIN_TOKEN, gizmoCrd, testPki, widgetCrd } from '../world.ts';

const [, , dir = ''] = process.argv;
const TICK_MS = 5;
const { ca, certificates } = await testPki(dir);
const { key, cert } = certificates.server;
const failures: string[] = [];
const server = await startApiServer({
  storagePath: ':memory:',
  listen: { host: '127.0.0.1', port: 0 },
  tls: { key, cert, clientCa: ca.cert },
  tokens: [{ token: ADMIN_TOKEN, user: 'root', groups: ['system:masters'] }],
  crds: [await widgetCrd(), await gizmoCrd()],
  log: pino({ level: 'error' }, { write: (line: string) => failures.push(line) }),
});

/** Between two ticks, in milliseconds of this thread's own work: what other programs do does not count. */
let longest = 0;
let before = busy();
setInterval(tick, TICK_MS);

function busy(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function tick(): void {
  const now = busy();
  longest = Math.max(longest, now - before);
  before = now;
}

const OBJECT = JSON.stringify(Object.fromEntries(Array.from({ length: 160_000 }, (_, at) => [`k${at}`, ''])));

/** How long it takes at the moment to parse an object of 160,000 keys: what others do to this machine shows here, too. */
function parsing(): number {
  const times = [0, 0, 0].map(() => {
    const begun = busy();
    JSON.parse(OBJECT);
    return busy() - begun;
  });
  return times.toSorted((a, b) => a - b)[1] ?? 0;
}

process.on('message', (asked) => {
  tick();
  const parse = asked === 'parse' ? parsing() : 0;
  process.send?.({ longest, parse, failures: failures.splice(0) });
  longest = 0;
  before = busy();
});
process.on('disconnect', () => process.exit());
process.send?.({ url: server.url });
