import type { VirtualAppliance } from './kinds.ts';

type Network = VirtualAppliance['spec']['network'];

/** How a VM is reached: by ports of its host, or at an address of its own, which is what naming a pool asks for. */
export function networkMode({ mode, pool }: Pick<Network, 'mode' | 'pool'>): 'User' | 'Bridge' {
  return mode ?? (pool === undefined ? 'User' : 'Bridge');
}
