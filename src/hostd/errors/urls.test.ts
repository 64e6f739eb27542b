import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fc } from '../../../test/fuzz.ts';
import { download } from '../layers/download.ts';
import { WrongContent } from '../layers/wrong-content.ts';
import { PackageCache } from '../packages.ts';
import { hostErrors } from './index.ts';

const SECRET = 's3cr3t';
const SHA = '0'.repeat(64);

let directory: string;
let server: Server;
let host: string;

/** `/status/N`, `/redirect?to=URL`, `/cut`; all else is served. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coppice-urls-'));
  server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://server');
    const status = /^\/status\/([0-9]+)$/.exec(pathname)?.[1];
    const location = searchParams.get('to');
    if (status !== undefined) response.writeHead(Number(status)).end();
    else if (location !== null) response.writeHead(302, { location }).end();
    else if (pathname === '/circle') response.writeHead(302, { location: request.url }).end();
    else if (pathname === '/cut')
      response
        .writeHead(200, { 'content-length': 100 })
        .write('half', () => setImmediate(() => response.destroy()));
    else response.end('something else');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await rm(directory, { recursive: true, force: true });
});

/** All that the daemon says and logs of an error. */
function allOf(error: unknown): string {
  const lines: string[] = [];
  pino({}, { write: (line: string) => lines.push(line) }).warn({ err: error }, 'a step failed');
  return `${error instanceof Error ? error.message : String(error)} ${lines.join('')}`;
}

/** What is said when the address cannot be fetched as a layer, and as a package. */
async function complaintsAbout(url: string): Promise<readonly string[]> {
  const signal = new AbortController().signal;
  const layer = download({
    url,
    sha256: SHA,
    path: join(directory, 'partial'),
    fileRoots: [],
    signal,
    wrong: new WrongContent(),
    ensureRoom: async () => undefined,
    onProgress: () => undefined,
  });
  const packages = new PackageCache({
    directory: join(directory, 'packages'),
    reserveBytes: 0,
    fileRoots: [],
  });
  const fetches = await Promise.allSettled([layer, packages.fetch(url, SHA, signal)]);
  return fetches.map((outcome) => (outcome.status === 'rejected' ? allOf(outcome.reason) : 'it was fetched'));
}

const PATHS = ['/file', '/status/404', '/status/503', '/circle', '/cut'];

describe('what the daemon says of an address', () => {
  it('holds no secret of its query or fragment, whatever goes wrong', async () => {
    for (const path of PATHS) {
      const told = await complaintsAbout(`http://${host}${path}?signature=${SECRET}#${SECRET}`);
      expect(told.join()).not.toContain(SECRET);
      expect(told.join()).toContain(`http://${host}${path}`);
    }
  });

  it.each([
    `http://127.0.0.1:1/?${SECRET}`,
    `ftp://127.0.0.1/a?${SECRET}`,
    `file:///etc/passwd?${SECRET}`,
    `http://${SECRET}:${SECRET}@[`,
    `http://user:${SECRET}@127.0.0.1/`,
    `data:${SECRET}`,
  ])(
    'holds no secret of an address that it cannot use, nor of one that it is redirected to: %s',
    async (url) => {
      expect((await complaintsAbout(url)).join()).not.toContain(SECRET);
      const redirecting = `http://${host}/?to=${encodeURIComponent(url)}`;
      expect((await complaintsAbout(redirecting)).join()).not.toContain(SECRET);
    },
  );

  it.each(['http://user:word@', 'http://user@', 'http://:word@'])(
    'refuses a user or password: %s',
    async (start) => {
      const told = await complaintsAbout(`${start}${host}/file`);
      for (const complaint of told) expect(complaint).toContain('user or password, which are not used');
    },
  );

  it('holds no secret in any of its sentences', () => {
    const url = fc.constantFrom(
      `http://u:${SECRET}@h/a`,
      `https://h/a?${SECRET}`,
      `http://h#${SECRET}`,
      SECRET,
    );
    fc.assert(
      fc.property(url, (text) => {
        const errors = [
          hostErrors.unreachable(text, new Error('refused')),
          hostErrors.sourceStatus(text, 404),
          hostErrors.sourceUnsupported(text),
          hostErrors.sourceUserinfo(text),
          hostErrors.redirectCircle(text, [text, text]),
          hostErrors.tooManyRedirects(text, 5),
          hostErrors.endedEarly(text, 1, 2),
          hostErrors.sourceSlow(text, 1),
          hostErrors.digestMismatch(text, SHA, SHA, true),
          hostErrors.digestMismatch(text, SHA, SHA, false),
          hostErrors.fileNotAllowed(text, []),
          hostErrors.fileNotAllowed(text, ['/srv']),
          hostErrors.noSuchRoute('GET', `/a?${text}`),
        ];
        expect(errors.map(allOf).join()).not.toContain(SECRET);
      }),
    );
  });
});
