import { createHash } from 'node:crypto';
import { sleep } from '../../../base/clock.ts';
import { own } from '../../../base/own.ts';
import { hostErrors } from '../../errors/index.ts';
import { CLONE, LOOK_CLONE, READ_CLONE } from '../../guest/clone/prelude.ts';
import { LOOK_DETACHED, NOT_STARTED, START_DETACHED } from '../../guest/detached.ts';
import type { Guest, GuestExecResult } from '../../guest/guest.ts';
import { IDENTITY_PATH, READ_INSTALLED } from '../../guest/installed.ts';
import { READ_NETWORK, SET_NETWORK } from '../../guest/network.ts';
import { millisSince } from '../common/boot-time.ts';
import { identityFrom, lookAtClone, readClone } from './clone.ts';
import type { Simulation } from './config.ts';
import { repeatInput } from './program.ts';
import { readGuestFiles, readVm, type SimulatedVm, writeGuestFiles, writeVm } from './vm-file.ts';

const SMALL_FILE_BYTES = 65_536;
const INTERFACE = 'eth0';
const OK: GuestExecResult = { exitCode: 0, stdout: '', stderr: '' };

/** The guest in a simulated VM: it stores files and knows its boot, and every program succeeds. */
export function createSimulatedGuest(simulation: Simulation, directory: string): Guest {
  const closed = new AbortController();
  const awake = async (timeoutMs: number): Promise<SimulatedVm> => {
    const vm = await readVm(directory);
    const { clock, bootTime } = simulation;
    const answersIn =
      vm?.state === 'Running' ? vm.agentAfterMs - millisSince(vm.started, bootTime()) : Infinity;
    if (vm !== undefined && answersIn <= 0) return vm;
    // Waits for a silent agent, as on a real channel: it may begin to answer meanwhile.
    await sleep(clock, Math.min(timeoutMs, answersIn), closed.signal);
    if (vm !== undefined && answersIn < timeoutMs) return vm;
    throw hostErrors.agentUnavailable(`no answer within ${timeoutMs} ms`);
  };
  const store = async (vm: SimulatedVm, path: string, bytes: Buffer) => {
    const file = {
      bytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      bootId: vm.bootId,
      written: simulation.bootTime(),
      ...(bytes.length <= SMALL_FILE_BYTES ? { text: bytes.toString() } : {}),
    };
    await writeGuestFiles(directory, { ...(await readGuestFiles(directory)), [path]: file });
  };
  const identityIn = async (vm: SimulatedVm) => (await fileIn(directory, vm, IDENTITY_PATH))?.text;
  const takeIdentity = async (vm: SimulatedVm, values: readonly string[]) => {
    const identity = identityFrom(values);
    await store(vm, IDENTITY_PATH, Buffer.from(JSON.stringify(identity)));
    await writeVm(directory, { ...vm, mac: identity.mac });
    return OK;
  };
  return {
    ping: async (timeoutMs) => {
      const vm = await awake(timeoutMs);
      const failure = simulation.failureOf('agent', vm.domain);
      if (failure !== undefined) throw hostErrors.agentUnavailable(failure);
    },
    exec: async (argv, { timeoutMs }) => {
      const vm = await awake(timeoutMs);
      await simulation.spend('exec', `${vm.domain} ${argv.join(' ')}`, closed.signal, timeoutMs);
      const [, , , name, ...values] = argv;
      if (name === READ_INSTALLED) return readInstalled(directory, vm, values[0] ?? '');
      if (name === READ_NETWORK) return readNetwork(vm);
      if (name === SET_NETWORK) await setNetwork(directory, vm, values);
      if (name === LOOK_DETACHED) return lookAt(await fileIn(directory, vm, `${values[0]}/code`));
      if (name === CLONE) return takeIdentity(vm, values);
      if (name === LOOK_CLONE) return lookAtClone(vm.bootId, vm.uuid, await identityIn(vm));
      if (name === READ_CLONE)
        return readClone(vm.bootId, await identityIn(vm), Math.round(simulation.clock.now() / 1000));
      if (name === START_DETACHED) await store(vm, `${values[0]}/code`, Buffer.from('0\n'));
      return OK;
    },
    writeFile: async (path, content, { timeoutMs }) => {
      const vm = await awake(timeoutMs);
      const bytes = await collect(content);
      await simulation.spend('writeFile', `${vm.domain} ${path}`, closed.signal, timeoutMs);
      await store(vm, path, bytes);
    },
    readFile: async (path, { offset, timeoutMs }) => {
      const file = await fileIn(directory, await awake(timeoutMs), path);
      return file === undefined ? undefined : Buffer.from(file.text ?? '').subarray(offset);
    },
    prepare: async ({ timeoutMs }) => {
      await awake(timeoutMs);
      return { run: (_argv, streams, signal) => repeatInput(streams, simulation.clock, signal) };
    },
    interfaces: async (timeoutMs) => {
      const { mac, network } = await awake(timeoutMs);
      return [{ name: INTERFACE, mac, addresses: network === undefined ? [] : [network] }];
    },
    shutdown: async (timeoutMs) => {
      await awake(timeoutMs);
    },
    close: () => closed.abort(),
  };
}

/** What is in memory ends with the boot. */
async function fileIn(directory: string, { bootId }: SimulatedVm, path: string) {
  const file = own(await readGuestFiles(directory), path);
  return path.startsWith('/run/') && file?.bootId !== bootId ? undefined : file;
}

function lookAt(code: object | undefined): GuestExecResult {
  return code === undefined ? { ...OK, exitCode: NOT_STARTED } : { ...OK, stdout: '0 ended\n' };
}

async function readInstalled(directory: string, vm: SimulatedVm, path: string): Promise<GuestExecResult> {
  const file = own(await readGuestFiles(directory), path);
  return { ...OK, stdout: `${vm.bootId} ${vm.uuid}\n${file?.text ?? ''}` };
}

async function setNetwork(directory: string, vm: SimulatedVm, values: readonly string[]): Promise<void> {
  const [, , address = '', prefixLength, gateway = '', ...dns] = values;
  await writeVm(directory, { ...vm, network: { address, prefixLength: Number(prefixLength), gateway, dns } });
}

function readNetwork({ network }: SimulatedVm): GuestExecResult {
  const { gateway = '', dns = [] } = network ?? {};
  const lines = [
    `device ${INTERFACE}`,
    ...(gateway === '' ? [] : [`route default via ${gateway} dev ${INTERFACE}`]),
    ...dns.map((server) => `dns ${server}`),
  ];
  return { ...OK, stdout: lines.join('\n') };
}

async function collect(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks);
}
