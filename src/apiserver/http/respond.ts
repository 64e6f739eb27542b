import type { ServerResponse } from 'node:http';
import { dump } from 'js-yaml';
import type { Accepted } from './negotiate.ts';

/** A finished answer: `body` is an object, or the JSON it has already been written as. */
export interface Answer {
  readonly code: number;
  readonly body: object | string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Header text may hold only printable ASCII; quotes and backslashes are escaped (RFC 7234, warn-text). */
function quoted(text: string): string {
  const plain = text.replaceAll(/[^\x20-\x7e]/g, ' ');
  return `"${plain.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** Puts the warnings, which kubectl prints, into the headers. */
export function setWarnings(response: ServerResponse, warnings: readonly string[]): void {
  if (warnings.length === 0) return;
  response.setHeader(
    'Warning',
    [...new Set(warnings)].map((warning) => `299 - ${quoted(warning)}`),
  );
}

/** Sends an answer as JSON, or as YAML when that was asked for. */
export function send(response: ServerResponse, answer: Answer, format: Accepted['format'] = 'json'): void {
  const { code, body, headers } = answer;
  const yaml = format === 'yaml';
  const json = typeof body === 'string' ? body : JSON.stringify(body);
  // As kube ends what it writes, so that a terminal's prompt comes on a line of its own.
  const text = yaml ? dump(JSON.parse(json), { lineWidth: -1 }) : `${json}\n`;
  const bytes = Buffer.from(text);
  response.writeHead(code, {
    'Content-Type': yaml ? 'application/yaml' : 'application/json',
    'Content-Length': bytes.length,
    'Cache-Control': 'no-cache, private',
    'X-Content-Type-Options': 'nosniff',
    ...headers,
  });
  response.end(bytes);
}

/** Sends plain text: probes, and `404 page not found` for paths that are none. */
export function sendText(response: ServerResponse, code: number, text: string): void {
  response.writeHead(code, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(text);
}
