import { clippedStart } from '../../base/clip.ts';

const quotedLines = 10;
const quotedBytes = 1024;
/** Whatever could do more to a terminal than show text. Tabs and line feeds stay. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is for
const controls = /\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;

/**
 * The end of what was printed in a guest, as a message quotes it: the last ten lines, at most 1 KiB, without control characters. Empty
 * when there is nothing to read.
 */
export function lastWords(output: string): string {
  // Cut before anything else is done with it: a guest prints what it likes.
  const end = output
    .slice(-16 * quotedBytes)
    .replaceAll(controls, '')
    .trim();
  return clippedStart(end.split('\n').slice(-quotedLines).join('\n'), quotedBytes);
}

/** The same text without control characters, such as a terminal obeys. */
export function harmless(text: string): string {
  return text.replaceAll(controls, '');
}
