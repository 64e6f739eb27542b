import { deadlineIn } from '../../base/deadline.ts';
import { execute } from './execute.ts';
import type { Guest } from './guest.ts';
import { readInterfaces } from './interfaces.ts';
import { refusalAsHostError, type Session } from './session.ts';
import { prepareProgram } from './streams/program.ts';
import { readGuestFile, writeGuestFile } from './transfer.ts';

/** The guest behind an agent. `close` ends only what this guest holds: others may speak to the same agent. */
export function createAgentGuest(session: Session, close: () => void): Guest {
  const { clock, agent } = session;
  return {
    ping: async (timeoutMs) => {
      await agent.command('guest-ping', {}, timeoutMs);
    },
    exec: (argv, { env, timeoutMs, ...more }) =>
      execute(session, argv, env, deadlineIn(clock, timeoutMs), more),
    writeFile: (path, content, { timeoutMs }) =>
      writeGuestFile(session, path, content, deadlineIn(clock, timeoutMs)),
    readFile: (path, { offset, timeoutMs }) =>
      readGuestFile(session, path, offset, deadlineIn(clock, timeoutMs)),
    prepare: (options) => prepareProgram(session, options),
    interfaces: (timeoutMs) => readInterfaces(session, deadlineIn(clock, timeoutMs)),
    shutdown: async (timeoutMs) => {
      try {
        await agent.tell('guest-shutdown', { mode: 'powerdown' }, timeoutMs);
      } catch (error) {
        throw refusalAsHostError(error);
      }
    },
    close,
  };
}
