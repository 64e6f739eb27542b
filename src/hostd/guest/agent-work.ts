import type { PackageFacts } from '../../domain/services/types.ts';
import type { GuestWork, PackageContent } from '../appliance/guest-work.ts';
import { runActions } from './install.ts';
import { describePackage } from './packages/describe.ts';

/** So many packages are remembered; a host has about as many as it has services. */
const longestMemory = 256;

/** Carries plans out through the guest's agent. Packages are described once: their files never change. */
export function createAgentWork(): GuestWork {
  const known = new Map<string, PackageFacts>();
  const describe = async (content: PackageContent) => {
    const key = content.kind === 'archive' ? `${content.fileName} ${content.path}` : undefined;
    const before = key === undefined ? undefined : known.get(key);
    const facts = before ?? (await describePackage(content));
    if (key !== undefined) remember(known, key, facts);
    return facts;
  };
  return { describe, run: runActions };
}

/** Forgets what was asked for least recently when there is too much. */
function remember(known: Map<string, PackageFacts>, key: string, facts: PackageFacts): void {
  known.delete(key);
  known.set(key, facts);
  const oldest = known.keys().next().value;
  if (known.size > longestMemory && oldest !== undefined) known.delete(oldest);
}
