import type { Template } from '../../src/api/kinds.ts';
import type { LayerIdentity, LayerStatus } from '../../src/host/protocol.ts';
import type { HostView } from './view.ts';

/** Whether a template's layers are to lie in a directory that hosts share. */
export function isShared({ spec }: Template): boolean {
  return spec.distribution.mode === 'Shared';
}

/** A host, as far as its layers are known. */
interface Having {
  readonly layers: ReadonlyMap<string, Partial<Pick<LayerStatus, 'problem' | 'shared'>>>;
}

/**
 * The ids of the shared directories that have all of these layers, whichever hosts put them there: those of no layer are none.
 * @param hosts also those that do not answer: what they put there stays
 */
export function directoriesWith(
  identities: readonly LayerIdentity[],
  hosts: readonly Having[],
): readonly string[] {
  const [first, ...rest] = identities.map((identity) => directoriesOf(identity, hosts));
  return [...(first ?? [])].filter((id) => rest.every((ids) => ids.has(id))).sort();
}

function directoriesOf(identity: LayerIdentity, hosts: readonly Having[]): ReadonlySet<string> {
  return new Set(
    hosts.flatMap(({ layers }) => {
      const { shared, problem } = layers.get(identity) ?? {};
      // Another problem is the host's, which does not reach the directory.
      return shared === undefined || problem?.reason === 'LayerCorrupt' ? [] : [shared];
    }),
  );
}

/** The connected hosts that are to put a layer into their shared directory: all of those whose directory has it, else the first by name. */
export function hostsToPublish(identity: LayerIdentity, views: readonly HostView[]): readonly HostView[] {
  const having = views.filter(({ link, layers, status }) => {
    const { state, shared } = layers.get(identity) ?? {};
    const isOwn = state === 'Ready' && shared === undefined;
    return isOwn && link.state === 'connected' && status?.sharedDirectory !== undefined;
  });
  const directories = directoriesOf(identity, views);
  const byDirectory = Map.groupBy(having, ({ status }) => status?.sharedDirectory ?? '');
  return [...byDirectory].flatMap(([id, hosts]) => {
    const byName = hosts.sort((a, b) => (a.name < b.name ? -1 : 1));
    return directories.has(id) ? byName : byName.slice(0, 1);
  });
}
