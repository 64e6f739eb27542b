import { type Clock, sleep } from '../../../../base/clock.ts';
import { hostErrors } from '../../../errors/index.ts';
import type { AgentClient } from '../../../guest/agent.ts';
import { readDomainRecord, writeDomainRecord } from '../domain/domain-record.ts';
import { findDomain } from '../domain/domains.ts';
import { untilNoCommand } from '../xl/commands.ts';
import type { Toolstack } from '../xl/toolstack.ts';
import type { ChannelSockets } from './sockets.ts';

export type ConsoleContext = {
  readonly clock: Clock;
  readonly toolstack: Toolstack;
  readonly sockets: ChannelSockets;
};

/** xl numbers the channels of `domain.cfg` from 0 and makes each a console; the agent's is the second. */
const NUMBER = 1;
/** XenbusState of https://xenbits.xen.org/gitweb/?p=xen.git;a=blob;f=xen/include/public/io/xenbus.h */
const state = { initialising: '1', connected: '4', closing: '5', closed: '6' } as const;

const changeLimitMs = 10_000;
const pollMs = 100;
const agentLimitMs = 10_000;

/**
 * Ends the agent as soon as its console is replaced or removed: the agent does not notice by itself that its terminal was hung up.
 * The guest's init then starts it again. The script ends by itself if the console did not change within a minute.
 */
const END_AGENT_ON_UNPLUG = `agent=$PPID left=300
console() { ls -diL /sys/bus/xen/devices/console-${NUMBER}/ 2> /dev/null; }
was=$(console)
while [ "$(console)" = "$was" ]; do
  left=$((left - 1)); [ $left -gt 0 ] || exit 1
  sleep 0.2
done
kill $agent`;

const frontendOf = (id: number) => `/local/domain/${id}/device/console/${NUMBER}`;
const backendOf = (id: number) => `/local/domain/0/backend/console/${id}/${NUMBER}`;

/**
 * Starts a script in the guest that ends the agent when its console is unplugged. Rejects when the agent does not answer, or may not
 * run programs.
 */
export async function endAgentOnUnplug(agent: AgentClient): Promise<void> {
  const script = { path: '/bin/sh', arg: ['-c', END_AGENT_ON_UNPLUG], 'capture-output': false };
  await agent.command('guest-exec', script, agentLimitMs);
}

/**
 * Unplugs the agent's console from a VM that is about to be saved. A guest that resumes with a second console closes that console's
 * old event channel, whose number belongs to another device by then. A guest handles xenstore's events in the order they were
 * written, so the console is gone before the guest suspends. Rejects with `AgentUnavailable` when the guest keeps the console;
 * `plugAgentConsole` then repairs it. QEMU unmaps the guest's memory before the guest reuses the page.
 */
export async function unplugAgentConsole(context: ConsoleContext, id: number): Promise<void> {
  const { toolstack } = context;
  const backend = backendOf(id);
  const [, back] = await statesOf(context, id);
  if (back !== undefined && back !== state.closed) {
    await toolstack.writeXenstore({ [`${backend}/online`]: '0', [`${backend}/state`]: state.closing });
    const isClosed = async () => (await statesOf(context, id))[1] === state.closed;
    await until(context, isClosed, 'its console must be unplugged for a checkpoint, and the guest keeps it');
  }
  await toolstack.removeXenstore([frontendOf(id), backend]);
}

/**
 * Plugs the agent's console in again after a save, or after a save that failed; does nothing if it is plugged in. Called at each
 * connection to the agent, so that it does not matter which process died at which moment. The caller holds the VM's lock.
 */
export async function plugAgentConsole(
  context: ConsoleContext,
  uuid: string,
  directory: string,
): Promise<void> {
  const { clock, toolstack } = context;
  await untilNoCommand(clock, directory);
  const domain = await findDomain(toolstack, uuid, directory);
  if (domain === undefined) throw hostErrors.agentUnavailable('the VM does not run');
  const [front, back] = await statesOf(context, domain.id);
  const whole = front !== undefined && front < state.closing && back !== undefined && back < state.closing;
  if (!whole) {
    if (front !== undefined || back !== undefined) await unplugAgentConsole(context, domain.id);
    await createConsole(context, domain.id, uuid);
  }
  await untilConnected(context, domain.id);
  const record = await readDomainRecord(directory);
  if (record !== undefined) await writeDomainRecord(directory, { ...record, consoleUnplugged: false });
}

/**
 * Writes what libxl writes for a channel. The guest may not write the values that QEMU uses. QEMU reads the front end when the back
 * end appears; the guest looks at both when the front end's state says that it is new, so that state is written last.
 */
async function createConsole(
  { toolstack, sockets }: ConsoleContext,
  id: number,
  uuid: string,
): Promise<void> {
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

/**
 * Waits until the guest uses the console. A restored guest looks for devices only when it is notified of a write to their nodes, and
 * may not watch them yet at the first write; so the node is written until the guest has noticed.
 */
async function untilConnected(context: ConsoleContext, id: number): Promise<void> {
  const isConnected = async () => {
    const [front] = await statesOf(context, id);
    if (front === state.connected) return true;
    await context.toolstack.writeXenstore({ [`${frontendOf(id)}/tty`]: '' });
    return false;
  };
  await until(
    context,
    isConnected,
    'its console was unplugged for a checkpoint, and the guest does not connect to it again',
  );
}

async function until(
  { clock }: ConsoleContext,
  isDone: () => Promise<boolean>,
  problem: string,
): Promise<void> {
  const deadline = clock.monotonic() + changeLimitMs;
  while (!(await isDone())) {
    if (clock.monotonic() >= deadline) throw hostErrors.agentUnavailable(problem);
    await sleep(clock, pollMs);
  }
}

async function statesOf({ toolstack }: ConsoleContext, id: number) {
  return Promise.all([frontendOf(id), backendOf(id)].map((path) => toolstack.xenstore(`${path}/state`)));
}
