import { setFlagsFromString } from 'node:v8';

/**
 * Flags of Node for long-running processes. The machine's memory is for VMs, and V8 by default keeps up to 64 MiB for short-lived
 * objects. Programs that a daemon starts also take longer then, as the map of its memory is copied first. They can be set only
 * when Node starts.
 */
export const NODE_FLAGS = '--max-semi-space-size=4';

/**
 * Flags for commands that list everything and end: what they read is needed until then, so each collection of garbage in between
 * copies it for nothing. What is not used of it takes no memory.
 */
export const LIST_FLAGS = '--min-semi-space-size=128 --max-semi-space-size=128';

export const RUN_FOR_LONG = ['api', 'operator', 'hostd', 'supervise'];

/**
 * Has V8 collect garbage sooner and reserve less, where the command runs for long: 7 to 10 MiB less in each program. Such a flag is
 * no good in NODE_OPTIONS, and as an argument it would stand before those by which the programs are found. Before the compile cache
 * is enabled: what was compiled with other flags is of no use.
 */
export function saveMemory(command: string | undefined): void {
  if (command !== undefined && RUN_FOR_LONG.includes(command)) setFlagsFromString('--optimize-for-size');
}
