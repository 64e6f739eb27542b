/** URLs in CEL: absolute URIs and absolute paths, taken apart but not normalised, as Go does. */

import type { Environment } from '@marcbachmann/cel-js';

class ParsedUrl {
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;

  constructor(scheme: string, host: string, path: string, query: string) {
    this.scheme = scheme;
    this.host = host;
    this.path = path;
    this.query = query;
  }

  get port(): string {
    return /:(\d*)$/.exec(this.host)?.[1] ?? '';
  }

  get hostname(): string {
    return this.host.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1');
  }

  equals(other: unknown): boolean {
    return other instanceof ParsedUrl && JSON.stringify(other) === JSON.stringify(this);
  }
}

const SYNTAX = /^(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#.*)?$/;
const HOST = /^(?:\[[0-9a-fA-F:.]+\]|[^\s:[\]<>"\\]*)(?::\d*)?$/;

function tryUrl(text: string): ParsedUrl | undefined {
  const match = SYNTAX.exec(text);
  if (match === null || [...text].some((char) => char < ' ' || char === '\u007f')) return undefined;
  const [, scheme = '', authority = '', path = '', query = ''] = match;
  if (scheme === '' && !text.startsWith('/')) return undefined;
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  return HOST.test(host) ? new ParsedUrl(scheme.toLowerCase(), host, path, query) : undefined;
}

function url(text: string): ParsedUrl {
  const parsed = tryUrl(text);
  if (parsed !== undefined) return parsed;
  throw new Error(`URL parse error during conversion from string: parse "${text}": invalid URI for request`);
}

function queryOf({ query }: ParsedUrl): Map<string, string[]> {
  const values = new Map<string, string[]>();
  for (const [key, value] of new URLSearchParams(query)) values.set(key, [...(values.get(key) ?? []), value]);
  return values;
}

/** Registers `url`, `isURL` and a URL's methods. */
export function registerUrl(environment: Environment): void {
  const U = 'kubernetes.URL';
  environment
    .registerType(U, { ctor: ParsedUrl, fields: {} })
    .registerOperator(`${U} == ${U}`, (a: ParsedUrl, b: ParsedUrl) => a.equals(b))
    .registerFunction(`url(string): ${U}`, url)
    .registerFunction('isURL(string): bool', (text: string) => tryUrl(text) !== undefined)
    .registerFunction(`${U}.getScheme(): string`, (value: ParsedUrl) => value.scheme)
    .registerFunction(`${U}.getHost(): string`, (value: ParsedUrl) => value.host)
    .registerFunction(`${U}.getHostname(): string`, (value: ParsedUrl) => value.hostname)
    .registerFunction(`${U}.getPort(): string`, (value: ParsedUrl) => value.port)
    .registerFunction(`${U}.getEscapedPath(): string`, (value: ParsedUrl) =>
      value.path.replaceAll(' ', '%20'),
    )
    .registerFunction(`${U}.getQuery(): map<string, list<string>>`, queryOf);
}
