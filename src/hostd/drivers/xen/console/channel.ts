import { sleep } from '../../../../base/clock.ts';
import { hostErrors } from '../../../errors/index.ts';
import type { AgentClient } from '../../../guest/agent.ts';
import type { XenContext } from '../context.ts';
import { readNote, writeNote } from '../domain-record.ts';
import { findDomain } from '../domains.ts';
import { untilNoCommand } from '../xl/commands.ts';

/** The second of the channels in `domain.cfg`, which xl numbers from 0 and makes a console of its own. */
const NUMBER = 1;
/** XenbusState of https://xenbits.xen.org/gitweb/?p=xen.git;a=blob;f=xen/include/public/io/xenbus.h */
const state = { initialising: '1', connected: '4', closing: '5', closed: '6' } as const;

const limitMs = 10_000;
const askPauseMs = 100;
const askAgentMs = 10_000;

/**
 * Ends the agent when its console is another one, or none: it does not notice by itself that its terminal was hung up, and who
 * started it starts it anew. Ends by itself after a minute in which nothing of the kind happened.
 */
const LET_GO = `agent=$PPID left=300
console() { ls -diL /sys/bus/xen/devices/console-${NUMBER}/ 2> /dev/null; }
was=$(console)
while [ "$(console)" = "$was" ]; do
  left=$((left - 1)); [ $left -gt 0 ] || exit 1
  sleep 0.2
done
kill $agent`;

const frontendOf = (id: number) => `/local/domain/${id}/device/console/${NUMBER}`;
const backendOf = (id: number) => `/local/domain/0/backend/console/${id}/${NUMBER}`;

/** Has the guest's agent give up its console when that goes. Rejects when the agent does not answer, or may not run programs. */
export async function bidAgentLetGo(agent: AgentClient): Promise<void> {
  const letGo = { path: '/bin/sh', arg: ['-c', LET_GO], 'capture-output': false };
  await agent.command('guest-exec', letGo, askAgentMs);
}

/**
 * Takes the agent's console out of a VM that is about to be saved: a guest that resumes with a second console closes, by its old
 * number, an event channel that by then is another device's. What a guest is told through xenstore it does in the order it was
 * told, so the console is gone before it suspends. Rejects with `AgentUnavailable` when the guest keeps it: `joinAgent` makes it
 * whole again. QEMU lets go of the guest's memory before the guest takes the page back.
 */
export async function partAgent(context: XenContext, id: number): Promise<void> {
  const { toolstack } = context;
  const backend = backendOf(id);
  const [, back] = await statesOf(context, id);
  if (back !== undefined && back !== state.closed) {
    await toolstack.writeXenstore({ [`${backend}/online`]: '0', [`${backend}/state`]: state.closing });
    await until(context, async () => (await statesOf(context, id))[1] === state.closed, 'keeps it');
  }
  await toolstack.removeXenstore([frontendOf(id), backend]);
}

/**
 * Gives a VM that was saved, or was to be, its agent's console again, unless it has it. Done at each connection to the agent, so
 * that it does not matter who died where. The VM's lock is held.
 */
export async function joinAgent(context: XenContext, uuid: string, directory: string): Promise<void> {
  const { clock, toolstack } = context;
  await untilNoCommand(clock, directory);
  const domain = await findDomain(toolstack, uuid, directory);
  if (domain === undefined) throw hostErrors.agentUnavailable('the VM does not run');
  const [front, back] = await statesOf(context, domain.id);
  const whole = front !== undefined && front < state.closing && back !== undefined && back < state.closing;
  if (!whole) {
    if (front !== undefined || back !== undefined) await partAgent(context, domain.id);
    await plug(context, domain.id, uuid);
  }
  await untilTaken(context, domain.id);
  const note = await readNote(directory);
  if (note !== undefined) await writeNote(directory, { ...note, parted: false });
}

/**
 * As libxl makes it; what QEMU goes by is not the guest's to write. QEMU reads the front when the back appears, and the guest looks
 * at both when the front's state says that it is new.
 */
async function plug({ toolstack, sockets }: XenContext, id: number, uuid: string): Promise<void> {
  const [front, back] = [frontendOf(id), backendOf(id)];
  const common = { protocol: 'vt100', name: 'org.qemu.guest_agent.0' };
  const link = { backend: back, 'backend-id': '0', state: state.closed };
  const fixed = { limit: '1048576', type: 'ioemu', output: `chardev:libxl-channel${NUMBER}`, tty: '' };
  await toolstack.writeXenstore(below(front, { ...link, ...common, ...fixed }));
  for (const path of [front, `${front}/state`]) await toolstack.allowXenstore(path, [`n${id}`, 'r0']);
  const peer = { frontend: front, 'frontend-id': String(id), online: '1', state: state.initialising };
  const socket = { connection: 'socket', path: sockets.paths(uuid).agent };
  await toolstack.writeXenstore(below(back, { ...peer, ...common, ...socket }));
  for (const path of [back, `${back}/state`]) await toolstack.allowXenstore(path, ['n0', `r${id}`]);
  await toolstack.writeXenstore({ [`${front}/state`]: state.initialising });
}

function below(path: string, values: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [`${path}/${key}`, value]));
}

/** A guest that was restored looks for devices where something is written, and has to have asked to be told of it. */
async function untilTaken(context: XenContext, id: number): Promise<void> {
  const taken = async () => {
    const [front] = await statesOf(context, id);
    if (front === state.connected) return true;
    await context.toolstack.writeXenstore({ [`${frontendOf(id)}/tty`]: '' });
    return false;
  };
  await until(context, taken, 'does not take it');
}

async function until({ clock }: XenContext, isSo: () => Promise<boolean>, words: string): Promise<void> {
  const deadline = clock.monotonic() + limitMs;
  while (!(await isSo())) {
    if (clock.monotonic() >= deadline) {
      throw hostErrors.agentUnavailable(
        `its console was offered and taken back for a checkpoint, and the guest ${words}`,
      );
    }
    await sleep(clock, askPauseMs);
  }
}

async function statesOf({ toolstack }: XenContext, id: number) {
  return Promise.all([frontendOf(id), backendOf(id)].map((path) => toolstack.xenstore(`${path}/state`)));
}
