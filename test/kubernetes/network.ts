import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { promisify } from 'node:util';
import { kill } from './processes.ts';

const run = promisify(execFile);

/** A network namespace of a test's own, tied to this machine's by one cable. */
export interface TestNetwork {
  readonly name: string;
  /** Its address, which this machine reaches, and which is a node's. */
  readonly address: string;
  /**
   * What to put before a command that is to run in it. Not `ip netns exec`: that mounts another /sys, and kubelets then find
   * no cgroups.
   */
  readonly enter: readonly string[];
  /** Kills everything that runs in it, and removes it. */
  stop(): Promise<void>;
}

/** Makes one with addresses that no interface of this machine has. */
export async function startNetwork(): Promise<TestNetwork> {
  const { subnet, suffix } = await freeSubnet();
  const name = `coppice-${suffix}`;
  const [outer, inner] = [`cpc-${suffix}`, 'node0'];
  const [near, far] = [`${subnet}.1`, `${subnet}.2`];
  await ip('netns', 'add', name);
  const stop = async () => {
    // A process may have started another one meanwhile.
    for (let pids = await pidsIn(name); pids.length > 0; pids = await pidsIn(name)) {
      for (const pid of pids) kill(pid);
    }
    // The cable goes with its end in there.
    await ip('netns', 'del', name);
  };
  try {
    await ip('link', 'add', outer, 'type', 'veth', 'peer', 'name', inner, 'netns', name);
    await ip('addr', 'add', `${near}/30`, 'dev', outer);
    await ip('link', 'set', outer, 'up');
    await ip('-n', name, 'addr', 'add', `${far}/30`, 'dev', inner);
    for (const link of ['lo', inner]) await ip('-n', name, 'link', 'set', link, 'up');
    await ip('-n', name, 'route', 'add', 'default', 'via', near);
    return { name, address: far, enter: ['nsenter', `--net=/run/netns/${name}`], stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function freeSubnet(): Promise<{ subnet: string; suffix: string }> {
  const used = await ip('-4', '-o', 'addr');
  for (;;) {
    const [second, third] = [randomInt(64, 128), randomInt(0, 256)];
    const subnet = `10.${second}.${third}`;
    if (!used.includes(` ${subnet}.`)) return { subnet, suffix: `${second}-${third}` };
  }
}

async function pidsIn(name: string): Promise<number[]> {
  return (await ip('netns', 'pids', name)).split('\n').filter(Boolean).map(Number);
}

async function ip(...args: readonly string[]): Promise<string> {
  return (await run('ip', args)).stdout;
}
