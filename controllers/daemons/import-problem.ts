import type { ImportStatus, Problem } from '../../src/host/protocol.ts';
import { MOST_OTHERS } from '../objects/template-files.ts';

/**
 * What is wrong with an import, for those who use this template. The problem of a source names its address, which concerns only the
 * templates that have it.
 * @param template namespace/name
 */
export function problemFor(
  { problem, sources }: Pick<ImportStatus, 'problem' | 'sources'>,
  template: string,
): Problem | undefined {
  const own = sources.find((source) => source.template === template);
  if (own !== undefined) return own.problem;
  // A host that does not know this template yet receives its source next: until then, nothing is known to be wrong. Of more templates
  // than a host takes, some are always left out.
  return sources.length > MOST_OTHERS ? problem : undefined;
}
