import { access } from 'node:fs/promises';
import { dirname, resolve, sep } from 'node:path';
import { isUnfinished } from './xl/parse.ts';
import type { Toolstack } from './xl/toolstack.ts';

/**
 * Names of the domains, Domain-0 apart, that have no disk in a folder of ours below `root`, in order. One that is still
 * being made is nobody's yet.
 */
export async function foreignVms(toolstack: Toolstack, root: string): Promise<readonly string[]> {
  const domains = (await toolstack.recentDomains()).filter(({ id }) => id !== 0);
  if (domains.length === 0) return [];
  const disks = await toolstack.firstDisks(domains);
  const own = `${resolve(root)}${sep}`;
  const foreign: string[] = [];
  for (const domain of domains) {
    const paths = disks.get(domain.id);
    if (paths === undefined && isUnfinished(domain)) continue;
    const ours = await Promise.all(
      (paths ?? []).map((path) => path.startsWith(own) && isThere(dirname(path))),
    );
    if (!ours.includes(true)) foreign.push(domain.name ?? `domain ${domain.id}`);
  }
  return foreign.sort();
}

/** A domain whose folder is gone is claimed by no appliance. */
function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
