import { destination, type Logger, pino } from 'pino';
import { clipped } from '../base/clip.ts';
import { cutLog } from './log-file.ts';

const STANDARD_ERROR = 2;
/** A longer line is replaced by one that tells its beginning. */
const LONGEST_LINE_BYTES = 16 * 1024;
const TOLD_BYTES = 4 * 1024;
/** How much is kept in memory of what cannot be written. */
const HELD_BYTES = 1024 * 1024;

/**
 * The log of one program: JSON lines of at most 16 KiB on standard error, without secrets.
 * @param file the file that standard error is, where this program is to keep it short: `coppice up` names it in COPPICE_LOG_FILE
 */
export function createLog(name: string, level: string, file = process.env.COPPICE_LOG_FILE): Logger {
  const output = destination({ fd: STANDARD_ERROR, sync: true, maxLength: HELD_BYTES });
  let lost = 0;
  // On a full disk, above all. No program ends because of its log: lines are held until they can be written, as far as there is room.
  output.on('error', () => undefined);
  output.on('drop', () => {
    lost += 1;
  });
  const write = (line: string): void => {
    output.write(boundedLine(line));
    if (file !== undefined) cutLog(STANDARD_ERROR, file);
  };
  const log = pino(
    {
      name,
      level,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: ['token', '*.token', 'authorization', '*.authorization', 'key', '*.key'],
    },
    { write },
  );
  output.on('drain', () => {
    const lines = lost;
    lost = 0;
    if (lines > 0) log.warn(`${lines} lines of this log are lost: they could not be written`);
  });
  return log;
}

/** The line itself, or, where it is too long, a line with the fields that say whose it is, and its beginning. */
export function boundedLine(line: string): string {
  if (line.length <= LONGEST_LINE_BYTES && Buffer.byteLength(line) <= LONGEST_LINE_BYTES) return line;
  const { level, time, name, appliance, msg } = JSON.parse(line) as Readonly<Record<string, unknown>>;
  const told = {
    ...{ level, time, name, appliance },
    msg: clipped(String(msg), TOLD_BYTES / 4),
    lineBytes: Buffer.byteLength(line),
    begins: clipped(line, TOLD_BYTES),
  };
  return `${JSON.stringify(told)}\n`;
}
