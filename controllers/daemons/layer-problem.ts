import type { LayerStatus, Problem } from '../../src/host/protocol.ts';

/**
 * What is wrong with a layer, for those who use this template. The problem of a source names its address, which concerns only the
 * templates that have it.
 * @param template namespace/name
 */
export function problemFor(
  { problem, sources }: Pick<LayerStatus, 'problem' | 'sources'>,
  template: string,
): Problem | undefined {
  const own = sources?.find((source) => source.template === template);
  // A host that does not know this template yet has other sources only.
  return own === undefined ? problem : own.problem;
}
