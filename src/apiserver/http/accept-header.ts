/** The header Accept, as kube-apiserver reads it (github.com/munnerz/goautoneg). */

/** One media range of the header. */
export interface MediaRange {
  readonly type: string;
  readonly subtype: string;
  readonly quality: number;
  readonly parameters: ReadonlyMap<string, string>;
}

function trimmed(text: string): string {
  return text.replaceAll(/^ +| +$/g, '');
}

/** A quality that is no number counts as 0, which does not exclude: such a range comes last. */
function qualityOf(text: string): number {
  return /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : 0;
}

function rangeOf(text: string): MediaRange | undefined {
  const [names = '', ...pairs] = text.split(';');
  const [type = '', subtype = '', ...more] = names.split('/').map(trimmed);
  if ((subtype === '' && type !== '*') || more.some((part) => part !== '')) return undefined;
  const parameters = new Map<string, string>();
  let quality = 1;
  for (const pair of pairs) {
    const [key = '', value = '', rest = ''] = pair.split('=');
    if (value === '' || rest !== '') continue;
    if (trimmed(key) === 'q') quality = qualityOf(value);
    else parameters.set(trimmed(key), trimmed(value));
  }
  return { type, subtype: subtype === '' ? '*' : subtype, quality, parameters };
}

/** Not a total order: a named type is before a wildcard also when its quality is lower. */
function isBefore(a: MediaRange, b: MediaRange): boolean {
  return (
    a.quality > b.quality || (a.type !== '*' && b.type === '*') || (a.subtype !== '*' && b.subtype === '*')
  );
}

/** The ranges that a header names, the preferred ones first; those that are none are left out. */
export function mediaRanges(accept: string): MediaRange[] {
  const sorted: MediaRange[] = [];
  for (const text of accept.split(',')) {
    const range = rangeOf(trimmed(text));
    if (range === undefined) continue;
    // By insertion, as Go sorts short lists: with an order that is none, the way of sorting decides.
    let at = sorted.length;
    for (
      let before = sorted[at - 1];
      before !== undefined && isBefore(range, before);
      before = sorted[at - 1]
    ) {
      at--;
    }
    sorted.splice(at, 0, range);
  }
  return sorted;
}
