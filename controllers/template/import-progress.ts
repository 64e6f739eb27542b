import type { Template } from '../../src/api/kinds.ts';
import type { ImportStatus } from '../../src/host/protocol.ts';
import { importId } from '../daemons/view.ts';
import { filesOf } from '../objects/template-files.ts';
import type { KnownHost } from './known-layers.ts';

type Progress = NonNullable<NonNullable<Template['status']>['import']>;

/** How far the import of a template's disk is, on the host that is furthest; undefined when no host is importing it. */
export function importProgress(template: Template, hosts: readonly KnownHost[]): Progress | undefined {
  const file = filesOf(template).get('disk');
  if (file === undefined) return undefined;
  const running = hosts.flatMap(({ name, imports }) => {
    const found = imports.get(importId(file.key));
    return found?.state === 'Fetching' ? [{ name, found }] : [];
  });
  running.sort((a, b) => b.found.fetchedBytes - a.found.fetchedBytes || (a.name < b.name ? -1 : 1));
  const [furthest] = running;
  return furthest === undefined ? undefined : { host: furthest.name, ...amountsOf(furthest.found) };
}

function amountsOf(found: ImportStatus): Omit<Progress, 'host'> {
  const { phase, fetchedBytes, totalBytes, bytesPerSecond, secondsLeft } = found;
  return {
    ...(phase === undefined ? {} : { phase }),
    fetchedBytes,
    ...(totalBytes === undefined ? {} : { totalBytes }),
    ...(totalBytes === undefined || totalBytes === 0
      ? {}
      : { percent: Math.floor((100 * Math.min(fetchedBytes, totalBytes)) / totalBytes) }),
    ...(bytesPerSecond === undefined ? {} : { bytesPerSecond }),
    ...(secondsLeft === undefined ? {} : { secondsLeft }),
  };
}
