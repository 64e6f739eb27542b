import { readFile } from 'node:fs/promises';
import { runHostd } from '../../../src/main/hostd.ts';
import { type Certificates, configOf, QUICK } from './fixtures.ts';

// A daemon in a process of its own, so that it can be killed: `child.ts <state directory> <certificates file> [health port]`.
const [stateDir = '', certificatesFile = '', healthPort] = process.argv.slice(2);
const certificates = JSON.parse(await readFile(certificatesFile, 'utf8')) as Certificates;
const daemon = await runHostd(
  configOf(stateDir, certificates, {
    simulated: QUICK,
    healthPort: healthPort === undefined ? undefined : Number(healthPort),
  }),
);
process.stdout.write(`${daemon.url}\n`);
