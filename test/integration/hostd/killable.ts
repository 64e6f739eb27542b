import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { HostClient } from '../../../src/host/client.ts';
import type { HostdConfig } from '../../../src/main/hostd.ts';
import { bundled } from '../../programs.ts';
import { type Certificates, clientOf } from './fixtures.ts';

const CHILD = await bundled(new URL('child.ts', import.meta.url));

/** A daemon in a process of its own. */
export type Child = { readonly process: ChildProcess; readonly client: HostClient };

export async function startChild(
  directory: string,
  certificates: Certificates,
  more: Partial<HostdConfig> = {},
): Promise<Child> {
  const file = join(directory, 'certificates.json');
  await writeFile(file, JSON.stringify(certificates));
  const child = spawn(process.execPath, [CHILD, join(directory, 'state'), file, JSON.stringify(more)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [url] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { process: child, client: clientOf(url, certificates) };
}

export async function killChild({ process: child, client }: Child): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
  await client.close();
}
