import { join } from 'node:path';
import { type Clock, sleep } from '../../../../base/clock.ts';
import { fileExists } from '../../../files/if-there.ts';
import { launch } from '../../common/launch.ts';
import { vmFiles } from '../files.ts';

/** In the relay's folder, which is the filler's: the socket that the source sends to, and what the relay printed. */
export const relayFiles = { socket: 'relay.sock', log: 'relay.log' } as const;

const startLimitMs = 10_000;
const lookMs = 5;
/** A relay that nobody connects to ends by itself: its daemon was killed. */
const lonelyMs = 60_000;

/**
 * The program of the relay, for Node: it passes on what the source sends to the filler, and goes on taking it when there is no filler any
 * more. Text, because the daemon may be one file that has no others beside it.
 */
const PROGRAM = `
const net = require('node:net');
const [own, next, lonelyMs] = process.argv.slice(1);
const server = net.createServer((source) => {
  server.close();
  clearTimeout(lonely);
  const filler = net.connect(next);
  const drain = () => source.unpipe(filler).resume();
  filler.on('error', drain).on('close', drain);
  source.on('error', () => filler.destroy()).pipe(filler);
});
const lonely = setTimeout(() => process.exit(), Number(lonelyMs));
server.listen(own);
`;

/**
 * Starts the process through which a source sends to the filler in `directory`; resolves when it listens. A snapshot whose stream breaks
 * may hang its QEMU for ever (docs/adr/0073), so the one end that must not break has nothing else to do, and ends neither with the daemon
 * nor with the filler.
 */
export async function startRelay(
  clock: Clock,
  directory: string,
  leaveDaemonGroup: (pid: number) => Promise<void>,
): Promise<void> {
  const argv = ['-e', PROGRAM, relayFiles.socket, vmFiles.state, String(lonelyMs)];
  const relay = await launch(process.execPath, argv, { directory, log: relayFiles.log });
  relay.release();
  await leaveDaemonGroup(relay.pid);
  const until = clock.monotonic() + startLimitMs;
  while (!(await fileExists(join(directory, relayFiles.socket)))) {
    if (clock.monotonic() >= until)
      throw new Error(
        `the process that passes on the memory does not listen within ${startLimitMs / 1000} s`,
      );
    await sleep(clock, lookMs);
  }
}
