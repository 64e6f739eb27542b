import type { ServerResponse } from 'node:http';
import { dump } from 'js-yaml';
import { encodeProtobuf } from '../codec/protobuf-encode.ts';
import type { JsonObject } from '../types.ts';
import { type Format, mediaTypeOf } from './negotiate.ts';

/** A finished answer: `body` is an object, its JSON text, or all bytes in the format that the client wants. */
export interface Answer {
  readonly code: number;
  readonly body: object | string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Header text may hold only printable ASCII; quotes and backslashes are escaped (RFC 7234, warn-text). */
function quoted(text: string): string {
  const plain = text.replaceAll(/[^\x20-\x7e]/g, ' ');
  return `"${plain.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** Adds warnings, which kubectl prints, to the headers. */
export function setWarnings(response: ServerResponse, warnings: readonly string[]): void {
  if (warnings.length === 0) return;
  response.setHeader(
    'Warning',
    shortened([...new Set(warnings)]).map((warning) => `299 - ${quoted(warning)}`),
  );
}

/** kube's limits on the characters of all warnings of an answer, and of each when there are more. */
const MAX_WARNINGS = 4 * 1024;
const MAX_WARNING = 256;

/** All warnings if they are short together; else the start of each, until there are enough. */
function shortened(warnings: readonly string[]): readonly string[] {
  const lengths = warnings.map((warning) => [...warning].length);
  if (lengths.reduce((sum, length) => sum + length, 0) <= MAX_WARNINGS) return warnings;
  const kept: string[] = [];
  let written = 0;
  for (const [index, warning] of warnings.entries()) {
    if (written >= MAX_WARNINGS) break;
    kept.push([...warning].slice(0, MAX_WARNING).join(''));
    written += Math.min(lengths[index] ?? 0, MAX_WARNING);
  }
  return kept;
}

/** As Go writes YAML: keys in order, lists not indented. */
const YAML_STYLE = { lineWidth: -1, sortKeys: true, seqNoIndent: true, quoteStyle: 'double' } as const;

/** The answer's bytes. */
export function written(body: Answer['body'], format: Format): Buffer {
  if (body instanceof Buffer) return body;
  const json = typeof body === 'string' ? body : JSON.stringify(body);
  // kube ends its answers with a newline, so that a terminal's prompt starts on a new line.
  if (format === 'json') return Buffer.from(`${json}\n`);
  const plain = JSON.parse(json) as JsonObject;
  return format === 'yaml' ? Buffer.from(dump(plain, YAML_STYLE)) : encodeProtobuf(plain);
}

/** Sends an answer in that format. */
export function send(response: ServerResponse, answer: Answer, format: Format = 'json'): void {
  const { code, body, headers } = answer;
  sendBytes(response, code, written(body, format), { 'Content-Type': mediaTypeOf(format), ...headers });
}

/** Sends an answer that is already serialized. */
export function sendBytes(
  response: ServerResponse,
  code: number,
  bytes: Buffer,
  headers: Readonly<Record<string, string>>,
): void {
  response.writeHead(code, {
    'Content-Length': bytes.length,
    'Cache-Control': 'no-cache, private',
    'X-Content-Type-Options': 'nosniff',
    ...headers,
  });
  endWith(response, bytes);
}

/** The end of a long answer that is sent only after the rest. */
const HELD_BACK_BYTES = 1024;
/** What is encrypted at once: all of a very long answer would keep the thread busy for long. */
const PIECE_BYTES = 1024 * 1024;

/**
 * Ends an answer. The end of a long answer is held back until the socket has drained. Otherwise Node (24.21) pauses the
 * parser during the next request, which the client may send as soon as it has the last byte, and cuts the connection
 * (HPE_PAUSED) when more of that request's body arrives.
 */
function endWith(response: ServerResponse, bytes: Buffer): void {
  const end = Math.max(0, bytes.length - HELD_BACK_BYTES);
  let sent = 0;
  const sendOn = (): void => {
    while (sent < end) {
      const piece = bytes.subarray(sent, Math.min(end, sent + PIECE_BYTES));
      sent += piece.length;
      if (response.write(piece)) continue;
      response.once('drain', sendOn);
      return;
    }
    response.end(bytes.subarray(end));
  };
  sendOn();
}

/** Sends plain text: for probes, and `404 page not found` for unknown paths. */
export function sendText(response: ServerResponse, code: number, text: string): void {
  response.writeHead(code, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(text);
}
