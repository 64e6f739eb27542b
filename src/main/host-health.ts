import { createServer } from 'node:http';
import { type Listening, listenAt } from './listening.ts';

/**
 * Answers GET /healthz for the probes of a DaemonSet, which have no certificate: an answer shows that the daemon's event loop
 * turns, as a connection alone does not. On this machine's own address only, and it tells nothing else.
 */
export async function serveHostHealth(port: number): Promise<Listening> {
  const server = createServer((request, response) => {
    const isAsked = request.url === '/healthz';
    response.writeHead(isAsked ? 200 : 404, { 'content-type': 'text/plain; charset=utf-8' });
    response.end(isAsked ? 'ok\n' : 'there is only /healthz\n');
  });
  return await listenAt(server, { host: '127.0.0.1', port });
}
