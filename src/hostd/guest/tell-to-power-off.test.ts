import { describe, expect, it } from 'vitest';
import { systemClock } from '../../base/clock.ts';
import { deadlineIn } from '../../base/deadline.ts';
import { toHostError } from '../errors/index.ts';
import { AgentClient } from './agent.ts';
import { tellToPowerOff } from './tell-to-power-off.ts';
import { answer, FakeAgent, refuse } from './testing/fake-agent.ts';

const OWN = '00112233-4455-6677-8899-aabbccddeeff';
const OTHER = '9f8b1c52-0f0e-4a53-9c65-0d5a0b4b7d11';
const POWER_OFF = 'guest-shutdown';

/** An agent whose guest tells this uuid; undefined: it runs no programs. Whether it receives the command, and why not. */
async function asked(uuid: string | undefined, signal = new AbortController().signal) {
  const fake = new FakeAgent({
    onCommand: ({ execute }, stream) => {
      if (execute === POWER_OFF) return;
      if (uuid === undefined) return refuse(stream, 'guest-exec has been disabled');
      if (execute === 'guest-exec') return answer(stream, { pid: 7 });
      const output = Buffer.from(`boot ${uuid}\n`).toString('base64');
      answer(stream, { exited: true, exitcode: 0, 'out-data': output });
    },
  });
  const agent = new AgentClient(systemClock, fake.connect);
  const session = { clock: systemClock, agent };
  const telling = tellToPowerOff(session, OWN, deadlineIn(systemClock, 200), signal);
  // Who powers off does not answer: the deadline comes first.
  const { reason } = await telling.then(() => ({ reason: undefined }), toHostError);
  agent.end();
  return { reason, powersOff: fake.commands.some(({ execute }) => execute === POWER_OFF) };
}

describe('a guest that is to power off', () => {
  it.each([
    ['of the VM', OWN],
    ['that cannot tell whose it is', 'Not-Settable'],
    ['whose agent runs no programs', undefined],
  ])('%s receives the command', async (_, uuid) => {
    expect(await asked(uuid)).toMatchObject({ powersOff: true });
  });

  it('of another VM does not', async () => {
    expect(await asked(OTHER)).toEqual({ reason: 'WrongGuest', powersOff: false });
  });

  it('does not receive it after nobody waits any more: another VM may have its agent by then', async () => {
    expect(await asked(OWN, AbortSignal.abort(new Error('over')))).toMatchObject({ powersOff: false });
  });
});
