/** Stable versions before betas before alphas, newer before older: `CompareKubeAwareVersionStrings`. */
export function compareVersions(a: string, b: string): number {
  const rank = (version: string): number[] => {
    const [, major = '0', stage, minor = '0'] = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version) ?? [];
    const stages = { alpha: 1, beta: 2 } as const;
    return [stage === undefined ? 3 : stages[stage as 'alpha' | 'beta'], Number(major), Number(minor)];
  };
  const [left, right] = [rank(a), rank(b)];
  const index = left.findIndex((part, position) => part !== right[position]);
  return index < 0 ? 0 : (right[index] ?? 0) - (left[index] ?? 0);
}
