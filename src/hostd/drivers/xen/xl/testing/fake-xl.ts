/**
 * A fake xl: `fake-xl.ts FOLDER ARGUMENTS…` keeps its domains in FOLDER/state.json and prints what a real xl printed. Each call is a
 * line of FOLDER/calls. The state's `outcomes` plan how the next creations turn out; `works` by default.
 */
import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { plugConsole } from './fake-xenstore.ts';
import {
  BACKEND_AWAY,
  DOMAIN_ZERO,
  LIST_HEADER,
  NAME_TAKEN,
  NO_MEMORY,
  RECORDED_INFO,
  TIMEOUTS,
} from './recorded.ts';

export type FakeDomain = {
  readonly id: number;
  readonly name: string;
  readonly uuid: string;
  readonly state: string;
  readonly seconds: string;
  readonly disk: string;
  /** How its creation was planned to turn out; also decides how its guest reacts to a shutdown. */
  readonly outcome?: Outcome;
};

/**
 * `half` times out and leaves a half-made domain; `slow` takes until FOLDER/go exists; the guest of `deaf` does not shut down; the
 * guest of `hasty` shuts down before xl gets its acknowledgement; `backendAway` does not show whether the back end is slow or broken.
 */
export type Outcome =
  | 'works'
  | 'half'
  | 'timesOut'
  | 'backendAway'
  | 'noMemory'
  | 'nameTaken'
  | 'slow'
  | 'deaf'
  | 'hasty';

export type FakeState = {
  readonly domains: readonly FakeDomain[];
  readonly nextId: number;
  readonly outcomes: readonly Outcome[];
  /** Xen's command line. */
  readonly commandLine?: string;
  /** Each command that changed something. */
  readonly done: readonly string[];
};

export const emptyState: FakeState = { domains: [], nextId: 1, outcomes: [], done: [] };

const messages: Partial<Record<Outcome, string>> = {
  half: TIMEOUTS[1],
  timesOut: TIMEOUTS[0],
  backendAway: BACKEND_AWAY,
  noMemory: NO_MEMORY,
  nameTaken: NAME_TAKEN,
};

export function readState(folder: string): FakeState {
  return JSON.parse(readFileSync(join(folder, 'state.json'), 'utf8')) as FakeState;
}

export function changeState(folder: string, change: Partial<FakeState>): void {
  // Another process may be reading: the file must be complete at any moment.
  const path = join(folder, 'state.json');
  writeFileSync(`${path}.${process.pid}`, JSON.stringify({ ...readStateOrEmpty(folder), ...change }));
  renameSync(`${path}.${process.pid}`, path);
}

function readStateOrEmpty(folder: string): FakeState {
  try {
    return readState(folder);
  } catch {
    return emptyState;
  }
}

function valueIn(configuration: string, key: string): string {
  return new RegExp(`^${key} = "(.*)"$`, 'm').exec(configuration)?.[1] ?? '';
}

async function create(folder: string, path: string, restored = false): Promise<number> {
  const { domains, nextId, outcomes, done } = readState(folder);
  const [outcome = 'works', ...later] = outcomes;
  const configuration = readFileSync(path, 'utf8');
  const made: FakeDomain = {
    id: nextId,
    name: valueIn(configuration, 'name'),
    uuid: valueIn(configuration, 'uuid'),
    state: '--p---',
    seconds: '0.0',
    disk: /target=([^"]*)"/.exec(configuration)?.[1] ?? '',
    outcome,
  };
  const stays = messages[outcome] === undefined || outcome === 'half';
  changeState(folder, {
    domains: stays ? [...domains, made] : domains,
    nextId: nextId + 1,
    outcomes: later,
    done: [...done, `create ${made.name}`],
  });
  if (outcome === 'slow') await untilReleased(folder);
  const message = messages[outcome];
  if (message !== undefined) {
    console.error(`Parsing config from ${path}\n${message}`);
    return 1;
  }
  plugConsole(folder, made.id, restored);
  setDomain(folder, made.id, { state: '-b----', seconds: '1.2' });
  return 0;
}

async function untilReleased(folder: string): Promise<void> {
  while (!existsSync(join(folder, 'go'))) {
    // Outlives the daemon that started it, but not the test.
    if (!existsSync(folder)) process.exit(1);
    await delay(20);
  }
}

async function save(
  folder: string,
  { domains, outcomes }: FakeState,
  [id, file = '']: readonly string[],
): Promise<number> {
  writeFileSync(file, 'memory');
  if (outcomes[0] === 'slow') await untilReleased(folder);
  if (outcomes[0] === 'timesOut') {
    console.error('libxl: error: libxl_dom_suspend.c:360: guest did not suspend, timed out');
    return 1;
  }
  changeState(folder, { domains: domains.filter((domain) => domain.id !== Number(id)) });
  return 0;
}

function setDomain(folder: string, id: number, change: Partial<FakeDomain>): void {
  const { domains } = readState(folder);
  changeState(folder, { domains: domains.map((each) => (each.id === id ? { ...each, ...change } : each)) });
}

function listed({ id, name, uuid, state, seconds }: FakeDomain): string {
  const columns = [`${id}`.padStart(5), '  128', '    1'].join(' ');
  return `${name.padEnd(40)} ${columns}     ${state}  ${seconds.padStart(8)} ${uuid}        -                -\n`;
}

function detailed({ id, name, uuid, disk }: FakeDomain): object {
  return { domid: id, config: { c_info: { type: 'pv', name, uuid }, disks: [{ pdev_path: disk }] } };
}

function list(state: FakeState, [option, id]: readonly string[]): void {
  if (option === '-v') {
    process.stdout.write(LIST_HEADER + DOMAIN_ZERO + state.domains.map(listed).join(''));
    return;
  }
  // xl shows no configuration for a half-made domain.
  const whole = state.domains.filter(({ seconds }) => seconds !== '0.0');
  const wanted = whole.filter((domain) => id === undefined || domain.id === Number(id));
  process.stdout.write(JSON.stringify(wanted.map(detailed)));
}

function infoOf({ commandLine }: FakeState): string {
  return commandLine === undefined
    ? RECORDED_INFO
    : RECORDED_INFO.replace(/^(xen_commandline +: ).*$/m, `$1${commandLine}`);
}

async function run(folder: string, [command, ...rest]: readonly string[]): Promise<number> {
  appendFileSync(join(folder, 'calls'), `${[command, ...rest].join(' ')}\n`);
  const state = readState(folder);
  const id = Number(rest.at(-1));
  const record = () => changeState(folder, { done: [...state.done, [command, ...rest].join(' ')] });
  switch (command) {
    case 'info':
      process.stdout.write(infoOf(state));
      return 0;
    case 'list':
      list(state, rest);
      return 0;
    case 'create':
      return create(folder, rest.at(-1) ?? '');
    case 'restore':
      return create(folder, rest.at(-2) ?? '', true);
    case 'save':
      return save(folder, state, rest);
    case 'destroy':
      record();
      changeState(folder, { domains: state.domains.filter((domain) => domain.id !== id) });
      return 0;
    case 'shutdown': {
      record();
      const outcome = state.domains.find((domain) => domain.id === id)?.outcome;
      if (outcome !== 'deaf') setDomain(folder, id, { state: '---s--' });
      if (outcome === 'hasty') await untilReleased(folder);
      return 0;
    }
    case 'unpause':
      record();
      setDomain(folder, id, { state: '-b----' });
      return 0;
    default:
      console.error(`the fake xl has no command ${command}`);
      return 2;
  }
}

if (import.meta.main) {
  const [folder = '', ...argv] = process.argv.slice(2);
  process.exitCode = await run(folder, argv);
}
