import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Nothing of the person's own configuration. */
const ENVIRONMENT: NodeJS.ProcessEnv = {
  PATH: process.env.PATH,
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'test',
  GIT_AUTHOR_EMAIL: 'test@example.com',
  GIT_COMMITTER_NAME: 'test',
  GIT_COMMITTER_EMAIL: 'test@example.com',
};

/** A file of a commit by its path: its content, or undefined for one that the commit removes. */
export type Files = Readonly<Record<string, string | undefined>>;

/** A Git repository that is served over HTTP, as a forge serves it. */
export interface GitServer {
  readonly url: string;
  /** Commits these changes to `main` and returns the revision as Flux writes it: `main@sha1:…`. */
  commit(message: string, files: Files): Promise<string>;
  close(): Promise<void>;
}

/** Makes an empty repository in the folder and serves it on a free port. */
export async function startGitServer(directory: string): Promise<GitServer> {
  const [bare, work] = [join(directory, 'repo.git'), join(directory, 'work')];
  const git = async (...args: string[]) => (await run('git', args, { env: ENVIRONMENT })).stdout.trim();
  await git('init', '--quiet', '--bare', '--initial-branch=main', bare);
  await git('init', '--quiet', '--initial-branch=main', work);
  const server = createServer((request, response) => {
    serve(directory, request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/repo.git`,
    commit: async (message, files) => {
      for (const [path, content] of Object.entries(files)) await put(join(work, path), content);
      await git('-C', work, 'add', '--all');
      await git('-C', work, 'commit', '--quiet', '--message', message);
      await git('-C', work, 'push', '--quiet', bare, 'main');
      return `main@sha1:${await git('-C', work, 'rev-parse', 'HEAD')}`;
    },
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function put(path: string, content: string | undefined): Promise<void> {
  if (content === undefined) return rm(path);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}

/** One request, answered by git itself: https://git-scm.com/docs/git-http-backend, a CGI program. */
async function serve(root: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
  const { headers } = request;
  const child = spawn('git', ['http-backend'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: {
      ...ENVIRONMENT,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      REQUEST_METHOD: request.method,
      PATH_INFO: pathname,
      QUERY_STRING: searchParams.toString(),
      CONTENT_TYPE: headers['content-type'] ?? '',
      ...(headers['content-length'] === undefined ? {} : { CONTENT_LENGTH: headers['content-length'] }),
      HTTP_CONTENT_ENCODING: headers['content-encoding'] ?? '',
      GIT_PROTOCOL: String(headers['git-protocol'] ?? ''),
    },
  });
  const output: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  const ended = once(child, 'close');
  // It may answer, and end, before it has read everything.
  await pipeline(request, child.stdin).catch(() => undefined);
  await ended;
  answer(response, Buffer.concat(output));
}

function answer(response: ServerResponse, output: Buffer): void {
  const end = output.indexOf('\r\n\r\n');
  const fields = output
    .subarray(0, end)
    .toString()
    .split('\r\n')
    .map((line) => line.split(': '));
  const headers = Object.fromEntries(fields.filter(([name]) => name !== 'Status'));
  const status = fields.find(([name]) => name === 'Status')?.[1] ?? '200';
  response.writeHead(Number.parseInt(status, 10), headers).end(output.subarray(end + 4));
}
