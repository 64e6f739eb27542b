import { readFile } from 'node:fs/promises';
import { flushCompileCache } from 'node:module';
import { type HostdConfig, runHostd } from '../../../src/main/hostd.ts';
import { type Certificates, configOf } from './fixtures.ts';

// A daemon in a process of its own, so that it can be killed: `child.ts <state directory> <certificates file> [more of its configuration, as JSON]`.
const [stateDir = '', certificatesFile = '', more = '{}'] = process.argv.slice(2);
const certificates = JSON.parse(await readFile(certificatesFile, 'utf8')) as Certificates;
const daemon = await runHostd(configOf(stateDir, certificates, JSON.parse(more) as Partial<HostdConfig>));
// It is killed, and would not leave what it has compiled to the next.
flushCompileCache();
process.stdout.write(`${daemon.url}\n`);
