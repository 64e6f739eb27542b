const STAGES: readonly (string | undefined)[] = ['alpha', 'beta', undefined];

/** Stable versions before betas before alphas, newer before older: `CompareKubeAwareVersionStrings`. */
export function compareVersions(a: string, b: string): number {
  const rank = (version: string): number[] => {
    const [, major = '0', stage, minor = '0'] = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version) ?? [];
    return [STAGES.indexOf(stage), Number(major), Number(minor)];
  };
  const [left, right] = [rank(a), rank(b)];
  const index = left.findIndex((part, position) => part !== right[position]);
  return index < 0 ? 0 : (right[index] ?? 0) - (left[index] ?? 0);
}
