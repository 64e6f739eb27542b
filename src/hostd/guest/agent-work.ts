import type { GuestAction, PackageFacts } from '../../domain/services/types.ts';
import type { Guest } from './guest.ts';
import { runActions } from './install.ts';
import { describePackage, type PackageContent } from './packages/describe.ts';

/** Carries out the plans of builders, through the guest's agent. */
export interface GuestWork {
  /** What the builder has to know about a package: its format, size, and its own description. */
  describe(content: PackageContent): Promise<PackageFacts>;
  /** Carries out the actions in their order; each may be repeated after a crash. */
  run(
    guest: Guest,
    actions: readonly GuestAction[],
    content: PackageContent,
    signal: AbortSignal,
  ): Promise<void>;
}

/** How many packages are remembered; a host has about as many as it has services. */
const longestMemory = 256;

/** The work of the real daemon. A package is described only once, also for those that ask at the same time: its file never changes. */
export function createAgentWork(): GuestWork {
  const known = new Map<string, Promise<PackageFacts>>();
  const describe = (content: PackageContent) => {
    if (content.kind !== 'archive') return describePackage(content);
    const key = `${content.fileName} ${content.path}`;
    const facts = known.get(key) ?? describePackage(content);
    remember(known, key, facts);
    // What could not be read is read again: the host's disk may have failed.
    facts.catch(() => known.delete(key));
    return facts;
  };
  return { describe, run: runActions };
}

/** Forgets the package that was used least recently when there are too many. */
function remember(
  known: Map<string, Promise<PackageFacts>>,
  key: string,
  facts: Promise<PackageFacts>,
): void {
  known.delete(key);
  known.set(key, facts);
  const oldest = known.keys().next().value;
  if (known.size > longestMemory && oldest !== undefined) known.delete(oldest);
}
