import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { isRecord } from '../base/json.ts';
import { Refusal } from './refusal.ts';

/** Passes a log on while it comes. It ends when either side does. */
export async function passLog(from: IncomingMessage, response: ServerResponse): Promise<void> {
  response.writeHead(200, {
    'content-type': from.headers['content-type'] ?? 'text/plain; charset=utf-8',
    // A browser must not take for a page what a guest printed.
    'x-content-type-options': 'nosniff',
  });
  response.flushHeaders();
  // A log that is cut off has told its reader by the connection's end.
  await pipeline(from, response).catch(() => response.destroy());
}

const REASONS: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  404: 'NotFound',
  409: 'Conflict',
  429: 'TooManyRequests',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

/** What the daemon says against a stream, for the user. */
export async function refusalOf(answer: IncomingMessage, hostName: string): Promise<Refusal> {
  const { statusCode = 0 } = answer;
  const problem = problemIn(await text(answer));
  const message = `host ${hostName}: ${problem ?? `HTTP status ${statusCode}`}`;
  // That the daemon does not know the operator is nothing that its user could fix.
  const code = statusCode >= 400 && statusCode !== 401 && statusCode !== 403 ? statusCode : 502;
  return new Refusal(code, REASONS[code] ?? 'InternalError', message);
}

function problemIn(body: string): string | undefined {
  try {
    const value: unknown = JSON.parse(body);
    const error = isRecord(value) ? value.error : undefined;
    return isRecord(error) && typeof error.message === 'string' ? error.message : undefined;
  } catch {
    // No answer of a daemon; the status says what there is to say.
    return undefined;
  }
}
