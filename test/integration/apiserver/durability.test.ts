import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Caller, CONFIG_MAPS, configMap, testPki, widgetCrd } from './world.ts';

const PROGRAM = fileURLToPath(new URL('./server-process.ts', import.meta.url));
const WRITERS = 8;

let dir: string;
let ca: string;
let child: ChildProcess | undefined;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'coppice-durability-'));
  ({ cert: ca } = (await testPki(dir)).ca);
  await writeFile(join(dir, 'widgets.json'), JSON.stringify(await widgetCrd()));
});

afterEach(async () => {
  child?.kill('SIGKILL');
  await rm(dir, { recursive: true, force: true });
});

/** Starts the server in a process of its own; resolves when it listens. */
async function startProcess(): Promise<Caller> {
  const started = spawn(process.execPath, [PROGRAM, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
  child = started;
  const [url] = (await once(createInterface({ input: started.stdout }), 'line')) as [string];
  return new Caller(url, ca);
}

async function kill(): Promise<void> {
  if (child === undefined) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

/** Writes until the connection breaks; returns the last acknowledged value by name. */
async function writeUntilKilled(
  api: Caller,
  writer: number,
  acknowledged: Map<string, string>,
): Promise<void> {
  try {
    for (let index = 0; ; index++) {
      const name = `w${writer}-${index}`;
      const created = await api.post(CONFIG_MAPS, configMap(name, { value: 'created' }));
      if (created.status === 201) acknowledged.set(name, 'created');
      const changed = await api.merge(`${CONFIG_MAPS}/${name}`, { data: { value: 'changed' } });
      if (changed.status === 200) acknowledged.set(name, 'changed');
    }
  } catch (error) {
    // Expected: the server was killed while it worked.
    expect(error).toBeInstanceOf(Error);
  }
}

describe('a server that is killed', () => {
  it('has every acknowledged write when it starts again', async () => {
    const acknowledged = new Map<string, string>();
    for (const round of [1, 2, 3]) {
      const api = await startProcess();
      const goal = acknowledged.size + 100;
      const writers = Array.from({ length: WRITERS }, (_, index) =>
        writeUntilKilled(api, round * WRITERS + index, acknowledged),
      );
      while (acknowledged.size < goal) await new Promise((resolve) => setImmediate(resolve));
      await kill();
      await Promise.all(writers);
      api.close();
    }
    const api = await startProcess();
    const { body } = await api.get(CONFIG_MAPS);
    const found = new Map<string, string>(
      body.items.map((item: { metadata: { name: string }; data: { value: string } }) => [
        item.metadata.name,
        item.data.value,
      ]),
    );
    const lost = [...acknowledged].filter(([name, value]) =>
      value === 'changed' ? found.get(name) !== 'changed' : !found.has(name),
    );
    expect(acknowledged.size).toBeGreaterThanOrEqual(300);
    expect(lost).toEqual([]);
    api.close();
  });

  it('never gives a resourceVersion twice', async () => {
    const first = await startProcess();
    const before = await first.post(CONFIG_MAPS, configMap('a'));
    await first.delete(`${CONFIG_MAPS}/a`);
    await kill();
    first.close();
    const second = await startProcess();
    const after = await second.post(CONFIG_MAPS, configMap('a'));
    expect(Number(after.body.metadata.resourceVersion)).toBeGreaterThan(
      Number(before.body.metadata.resourceVersion) + 1,
    );
    second.close();
  });

  it('keeps a second server away from its file', async () => {
    const api = await startProcess();
    const second = spawn(process.execPath, [PROGRAM, dir], { stdio: ['ignore', 'ignore', 'pipe'] });
    const errors: string[] = [];
    second.stderr.on('data', (chunk: Buffer) => errors.push(chunk.toString()));
    const [code] = await once(second, 'exit');
    expect(code).toBe(1);
    expect(errors.join('')).toContain('database is locked');
    api.close();
  });
});
