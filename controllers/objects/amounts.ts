import type { VirtualAppliance } from '../../src/api/kinds.ts';
import { parseBytes, parseCpu, QuantityError } from '../../src/domain/quantity.ts';

type Amounts = Pick<VirtualAppliance['spec'], 'resources' | 'disk'>;

/** An amount that cannot be used, and what is wrong with it. */
export interface AmountProblem {
  readonly field: string;
  readonly problem: string;
}

/** What a spec asks of a host, in whole millicores and bytes; zero where it does not say. */
export interface ReadAmounts {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly diskBytes: number | undefined;
  /** Of its second disk. */
  readonly dataBytes: number | undefined;
}

/**
 * The amounts of an appliance, or of a service, or the first that cannot be used. API servers refuse such amounts, but an object may
 * be older than the rule: whoever goes over many objects must be able to set that one aside.
 */
export function readAmounts({ resources, disk }: Amounts): ReadAmounts | AmountProblem {
  const cpu = readAmount('resources.cpu', resources.cpu, parseCpu);
  if (typeof cpu !== 'number') return cpu;
  const memory = readAmount('resources.memory', resources.memory, parseBytes);
  if (typeof memory !== 'number') return memory;
  const size = disk.size === undefined ? undefined : readAmount('disk.size', disk.size, parseBytes);
  if (typeof size === 'object') return size;
  const data = disk.data === undefined ? undefined : readAmount('disk.data.size', disk.data.size, parseBytes);
  if (typeof data === 'object') return data;
  return { cpuMillis: cpu, memoryBytes: memory, diskBytes: size, dataBytes: data };
}

/** One amount, which must be more than zero. */
export function readAmount(
  field: string,
  amount: string | number,
  parse: (amount: string | number) => number,
): number | AmountProblem {
  try {
    const value = parse(amount);
    return value > 0 ? value : { field, problem: `${amount} is not more than zero` };
  } catch (error) {
    if (error instanceof QuantityError) return { field, problem: error.message };
    throw error;
  }
}
