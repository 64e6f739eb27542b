/** What `now` has after the end of `seen`; all of it when it has nothing of `seen`. Both are the end of one growing text. */
export function appended(seen: string, now: string): string {
  return now.slice(now.startsWith(seen) ? seen.length : overlap(seen, now));
}

/**
 * Length of the longest start of `now` with which `seen` ends. In linear time (Knuth, Morris, Pratt): what guests print, such as one
 * letter over and over, must not keep the daemon busy.
 */
function overlap(seen: string, now: string): number {
  // For each place: the longest start of `now` that also ends there.
  const starts = new Uint32Array(now.length);
  const step = (matched: number, character: number): number => {
    let next = matched === now.length ? (starts[matched - 1] ?? 0) : matched;
    while (next > 0 && now.charCodeAt(next) !== character) next = starts[next - 1] ?? 0;
    return now.charCodeAt(next) === character ? next + 1 : next;
  };
  let matched = 0;
  for (let at = 1; at < now.length; at += 1) {
    matched = step(matched, now.charCodeAt(at));
    starts[at] = matched;
  }
  matched = 0;
  for (let at = 0; at < seen.length; at += 1) matched = step(matched, seen.charCodeAt(at));
  return matched;
}
