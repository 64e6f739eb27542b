import type { DesiredImport, Problem } from '../../host/protocol.ts';

/** The addresses of a layer, each with the Templates that name it. */
export function templatesByUrl({
  url,
  template,
  others = [],
}: DesiredImport): ReadonlyMap<string, readonly string[]> {
  const templates = new Map<string, string[]>();
  for (const source of [{ url, template }, ...others]) {
    const known = templates.get(source.url) ?? [];
    if (!known.includes(source.template)) known.push(source.template);
    templates.set(source.url, known);
  }
  return templates;
}

/**
 * Why no source gives the layer; undefined while one of them has no problem. The problem of a source names its address, which only
 * the Templates that have it may see: of several sources, this gives only the reasons.
 */
export function summaryOf(
  sources: readonly { readonly problem: Problem | undefined }[],
): Problem | undefined {
  const problems = sources.flatMap(({ problem }) => problem ?? []);
  const [first] = problems;
  if (first === undefined || problems.length < sources.length) return undefined;
  if (problems.length === 1) return first;
  const reasons = [...new Set(problems.map(({ reason }) => reason))].sort();
  const retryAt = problems.flatMap((problem) => problem.retryAt ?? []).sort()[0];
  return {
    reason: reasons.length === 1 ? first.reason : 'SourcesFailed',
    message: `none of its ${problems.length} sources gives it (${reasons.join(', ')}): the Templates that name them say why`,
    ...(retryAt === undefined ? {} : { retryAt }),
  };
}
