import { destination, type Logger, pino } from 'pino';

/** The log of one program: JSON lines on standard error, without secrets. */
export function createLog(name: string, level: string): Logger {
  return pino(
    {
      name,
      level,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: ['token', '*.token', 'authorization', '*.authorization', 'key', '*.key'],
    },
    destination({ fd: 2, sync: true }),
  );
}
