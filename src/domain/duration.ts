const DURATION = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/;
const UNITS_MS = [3_600_000, 60_000, 1000] as const;

/**
 * A duration as specs have it, such as `168h` or `1h30m`, in milliseconds. The API server refuses all else.
 * @throws RangeError that quotes the text when it is none
 */
export function parseDuration(text: string): number {
  const parts = DURATION.exec(text)?.slice(1) ?? [];
  const total = UNITS_MS.reduce((sum, unitMs, index) => sum + unitMs * Number(parts[index] ?? 0), 0);
  if (total > 0) return total;
  throw new RangeError(`"${text}" is no duration: write hours, minutes and seconds, such as 168h or 1h30m`);
}
