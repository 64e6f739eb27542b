/**
 * A xenstore that plays: `fake-xenstore.ts FOLDER TOOL ARGUMENTS…` keeps FOLDER/xenstore.json, and does what QEMU and a Linux guest
 * do when they are told of a change at the agent's console.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

type Node = { readonly value: string; readonly rights?: readonly string[] };
type Store = Readonly<Record<string, Node>>;

const START_TIME = '1795620957.58';

const frontOf = (id: number) => `/local/domain/${id}/device/console/1`;
const backOf = (id: number) => `/local/domain/0/backend/console/${id}/1`;

function readStore(folder: string): Store {
  const path = join(folder, 'xenstore.json');
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Store) : {};
}

/** Sets or removes (undefined) values; what had rights keeps them. */
function changeStore(folder: string, values: Readonly<Record<string, string | undefined>>): void {
  const store: Record<string, Node> = { ...readStore(folder) };
  for (const [path, value] of Object.entries(values)) {
    if (value === undefined) delete store[path];
    else store[path] = { ...store[path], value };
  }
  writeStore(folder, store);
}

function writeStore(folder: string, store: Store): void {
  writeFileSync(join(folder, 'xenstore.json'), JSON.stringify(store));
}

/** The agent's console of a new domain: used by its guest when it booted, not yet looked at when it was restored. */
export function plugConsole(folder: string, id: number, restored: boolean): void {
  const [front, back] = restored ? ['1', '2'] : ['4', '4'];
  writeStore(folder, {
    [`${frontOf(id)}/state`]: { value: front, rights: [`n${id}`, 'r0'] },
    [`${backOf(id)}/state`]: { value: back, rights: ['n0', `r${id}`] },
  });
}

/** States of front and back, as `4 4` when guest and QEMU use the console. */
export function consoleStates(folder: string, id: number): string {
  const store = readStore(folder);
  return [frontOf(id), backOf(id)].map((path) => store[`${path}/state`]?.value ?? 'none').join(' ');
}

/** A guest lets nothing go where there is a file `stubborn`, and takes nothing that it may not write, or whose back it may not read. */
function tellGuest(folder: string, written: string): void {
  const id = Number(/console\/(\d+)\/1|domain\/(\d+)\/device/.exec(written)?.slice(1).find(Boolean));
  const [front, back] = [`${frontOf(id)}/state`, `${backOf(id)}/state`];
  const store = readStore(folder);
  const told = written.startsWith(frontOf(id)) && store[front]?.value === '1';
  if (store[back]?.value === '5' && !existsSync(join(folder, 'stubborn'))) {
    changeStore(folder, { [front]: '6', [back]: '6' });
  } else if (told && store[front]?.rights?.[0] === `n${id}` && store[back]?.rights?.includes(`r${id}`)) {
    changeStore(folder, { [front]: '4', [back]: '4' });
  }
}

function play(folder: string, tool: string, argv: readonly string[]): number {
  const store = readStore(folder);
  const [path = '', ...rights] = argv;
  switch (tool) {
    case 'xenstore-read': {
      const value = path.endsWith('/start_time') ? START_TIME : store[path]?.value;
      if (value === undefined) return 1;
      console.log(value);
      return 0;
    }
    case 'xenstore-write': {
      const pairs = argv.flatMap((word, at) => (at % 2 === 0 ? [[word, argv[at + 1] ?? ''] as const] : []));
      changeStore(folder, Object.fromEntries(pairs));
      for (const [written] of pairs) tellGuest(folder, written);
      return 0;
    }
    case 'xenstore-rm': {
      const gone = Object.keys(store).filter((key) => argv.some((each) => key.startsWith(`${each}/`)));
      changeStore(folder, Object.fromEntries(gone.map((key) => [key, undefined])));
      return 0;
    }
    case 'xenstore-chmod': {
      const value = store[path]?.value ?? '';
      writeStore(folder, { ...store, [path]: { value, rights } });
      return 0;
    }
    default:
      console.error(`no ${tool} is played`);
      return 2;
  }
}

if (import.meta.main) {
  const [folder = '', tool = '', ...argv] = process.argv.slice(2);
  process.exitCode = play(folder, tool, argv);
}
