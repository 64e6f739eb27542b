/** What of a terminal, or of a file that output goes to, is used. */
export type Output = Pick<NodeJS.WriteStream, 'write' | 'isTTY' | 'columns' | 'rows'>;

const ERASE = '\u001b[0J';

/** Shows a text that changes: on a terminal in its place, cut to its size; elsewhere each text after the one before. */
export class Screen {
  readonly #output: Output;
  #shown = '';

  constructor(output: Output) {
    this.#output = output;
  }

  show(text: string): void {
    const { isTTY, columns, rows } = this.#output;
    // Some terminals, in containers, have no size.
    const shown = isTTY === true ? cut(text, columns || 80, Math.max(2, (rows || 24) - 2)) : text;
    if (shown === this.#shown) return;
    const before = this.#shown;
    this.#shown = shown;
    if (isTTY !== true) this.#output.write(`${before === '' ? '' : '\n'}${shown}\n`);
    else
      this.#output.write(`${before === '' ? '' : `\u001b[${before.split('\n').length}A${ERASE}`}${shown}\n`);
  }
}

/** So many lines of a text, none longer than the terminal is wide: it would take two, and the next text would stand below it. */
function cut(text: string, columns: number, rows: number): string {
  const lines = text.split('\n');
  const fitting = lines.length <= rows ? lines : lines.slice(0, rows - 1);
  const more = lines.length - fitting.length;
  return [...fitting, ...(more === 0 ? [] : [`… and ${more} more`])]
    .map((line) => (line.length < columns ? line : `${line.slice(0, columns - 2)}…`))
    .join('\n');
}
