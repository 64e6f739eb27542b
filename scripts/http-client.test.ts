import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const repository = join(import.meta.dirname, '..');

/** Tests ask servers of their own and end with them, so they are free to use what is at hand. */
const FOLDERS: readonly string[] = ['src', 'controllers', 'scripts'];

/** Files that may do what the rule forbids, and why. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  'src/base/http.ts': 'it is the one client, and gives each request a dispatcher of its own',
  'src/base/relay.ts':
    'passes Upgrades on, whose bare socket undici does not give; `https.request` is not undici',
  'src/host/stream-client.ts': 'a WebSocket is an Upgrade, which is not undici; it is of the package ws',
  'scripts/build/builtin-http.ts': 'writes the module that keeps the undici of Node from being loaded',
};

/** Ways to ask a server that do not go through `src/base/http.ts`. */
const FORBIDDEN: readonly RegExp[] = [
  // The global function; methods and declarations of that name are something else.
  /(?<![.\w#]|async |function )fetch\((?![^)]*\)\s*[:{])/,
  /\bglobalThis\.fetch\b/,
  /\bnew (?:WebSocket|EventSource)\(/,
  /\b[gs]etGlobalDispatcher\b/,
  /(?:from|import\()\s*'undici'/,
  /import (?!type )[^;]*\b(?:request|get)\b[^;]*from 'node:https?'/,
  /import (?!type )(?:\w+|\* as \w+) from 'node:https?'/,
  /\bhttps?\.(?:request|get)\(/,
];

function offendersIn(file: string, text: string): readonly string[] {
  if (file in EXCEPTIONS) return [];
  return text
    .split('\n')
    .flatMap((line, at) =>
      FORBIDDEN.some((forbidden) => forbidden.test(line)) ? [`${file}:${at + 1}: ${line.trim()}`] : [],
    );
}

function sources(): readonly string[] {
  return FOLDERS.flatMap((folder) =>
    readdirSync(join(repository, folder), { recursive: true, encoding: 'utf8' })
      .map((file) => `${folder}/${file}`)
      .filter((file) => /\.m?[jt]s$/.test(file) && !/\.test\.ts$|\/testing\//.test(file)),
  );
}

describe('a request to another HTTP server', () => {
  it('goes through src/base/http.ts', () => {
    const found = sources().flatMap((file) =>
      offendersIn(file, readFileSync(join(repository, file), 'utf8')),
    );
    expect(found).toEqual([]);
  });

  it('has only exceptions that exist', () => {
    expect(Object.keys(EXCEPTIONS).filter((file) => !sources().includes(file))).toEqual([]);
  });

  it.each([
    'const answer = await fetch(url);',
    'const answer = await globalThis.fetch(url);',
    "import { request } from 'undici';",
    "const { request } = await import('undici');",
    'setGlobalDispatcher(agent);',
    "import { request } from 'node:https';",
    "import { createServer, get } from 'node:http';",
    "import http from 'node:http';",
    'http.get(url);',
    'new WebSocket(url);',
  ])('is recognised: %s', (line) => {
    expect(offendersIn('a.ts', line)).toEqual([`a.ts:1: ${line}`]);
  });

  it.each([
    'await this.packages.fetch(url, sha256, signal);',
    '  async fetch(url: string): Promise<void> {',
    "import { createServer, type IncomingMessage } from 'node:http';",
    "import type { RequestOptions } from 'node:https';",
  ])('is not confused with: %s', (line) => {
    expect(offendersIn('a.ts', line)).toEqual([]);
  });
});
