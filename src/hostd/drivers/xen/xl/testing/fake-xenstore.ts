/**
 * A fake xenstore: `fake-xenstore.ts FOLDER TOOL ARGUMENTS…` keeps FOLDER/xenstore.json, and reacts as QEMU and a Linux guest do to a
 * change of the agent's console.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { own, setOwn } from '../../../../../base/own.ts';

type Node = { readonly value: string; readonly rights?: readonly string[] };
type Store = Readonly<Record<string, Node>>;

const START_TIME = '1795620957.58';

const frontOf = (id: number) => `/local/domain/${id}/device/console/1`;
const backOf = (id: number) => `/local/domain/0/backend/console/${id}/1`;

function readStore(folder: string): Store {
  const path = join(folder, 'xenstore.json');
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Store) : {};
}

/** Sets values, or removes them (undefined). Nodes keep their permissions. */
function changeStore(folder: string, values: Readonly<Record<string, string | undefined>>): void {
  const store: Record<string, Node> = { ...readStore(folder) };
  for (const [path, value] of Object.entries(values)) {
    if (value === undefined) delete store[path];
    else setOwn(store, path, { ...own(store, path), value });
  }
  writeStore(folder, store);
}

function writeStore(folder: string, store: Store): void {
  writeFileSync(join(folder, 'xenstore.json'), JSON.stringify(store));
}

/** The agent's console of a new domain: a booted guest uses it already, a restored guest has not noticed it yet. */
export function plugConsole(folder: string, id: number, restored: boolean): void {
  const [front, back] = restored ? ['1', '2'] : ['4', '4'];
  writeStore(folder, {
    [`${frontOf(id)}/state`]: { value: front, rights: [`n${id}`, 'r0'] },
    [`${backOf(id)}/state`]: { value: back, rights: ['n0', `r${id}`] },
  });
}

/** States of front end and back end: `4 4` when guest and QEMU use the console. */
export function consoleStates(folder: string, id: number): string {
  const store = readStore(folder);
  return [frontOf(id), backOf(id)].map((path) => own(store, `${path}/state`)?.value ?? 'none').join(' ');
}

/**
 * The guest's reaction to a write. It keeps its console if there is a file `stubborn`, and connects only to a front end that it may
 * write and whose back end it may read.
 */
function notifyGuest(folder: string, written: string): void {
  const id = Number(/console\/(\d+)\/1|domain\/(\d+)\/device/.exec(written)?.slice(1).find(Boolean));
  const [front, back] = [`${frontOf(id)}/state`, `${backOf(id)}/state`];
  const store = readStore(folder);
  const isNoticed = written.startsWith(frontOf(id)) && own(store, front)?.value === '1';
  if (own(store, back)?.value === '5' && !existsSync(join(folder, 'stubborn'))) {
    changeStore(folder, { [front]: '6', [back]: '6' });
  } else if (
    isNoticed &&
    own(store, front)?.rights?.[0] === `n${id}` &&
    own(store, back)?.rights?.includes(`r${id}`)
  ) {
    changeStore(folder, { [front]: '4', [back]: '4' });
  }
}

function run(folder: string, tool: string, argv: readonly string[]): number {
  const store = readStore(folder);
  const [path = '', ...rights] = argv;
  switch (tool) {
    case 'xenstore-read': {
      const value = path.endsWith('/start_time') ? START_TIME : own(store, path)?.value;
      if (value === undefined) return 1;
      console.log(value);
      return 0;
    }
    case 'xenstore-write': {
      const pairs = argv.flatMap((word, at) => (at % 2 === 0 ? [[word, argv[at + 1] ?? ''] as const] : []));
      changeStore(folder, Object.fromEntries(pairs));
      for (const [written] of pairs) notifyGuest(folder, written);
      return 0;
    }
    case 'xenstore-rm': {
      const gone = Object.keys(store).filter((key) => argv.some((each) => key.startsWith(`${each}/`)));
      changeStore(folder, Object.fromEntries(gone.map((key) => [key, undefined])));
      return 0;
    }
    case 'xenstore-chmod': {
      const value = own(store, path)?.value ?? '';
      writeStore(folder, { ...store, [path]: { value, rights } });
      return 0;
    }
    default:
      console.error(`the fake xenstore has no ${tool}`);
      return 2;
  }
}

if (import.meta.main) {
  const [folder = '', tool = '', ...argv] = process.argv.slice(2);
  process.exitCode = run(folder, tool, argv);
}
