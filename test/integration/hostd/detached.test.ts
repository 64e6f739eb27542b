import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAgentGuest } from '../../../src/hostd/guest/agent-guest.ts';
import { DetachedScript } from '../../../src/hostd/guest/detached.ts';
import { describeUnless } from '../../skip.ts';
import { eventually } from './fixtures.ts';
import { LocalAgent } from './local-agent.ts';

const never = new AbortController().signal;

const noBusybox = existsSync('/bin/busybox')
  ? undefined
  : 'no /bin/busybox: install the package busybox-static';

describe('a script that runs by itself, with dash', () => scenarios('dash'));
describeUnless(noBusybox, 'a script that runs by itself, with busybox alone', () => scenarios('busybox'));

function scenarios(kind: 'dash' | 'busybox'): void {
  let agent: LocalAgent;
  beforeEach(async () => {
    agent = await LocalAgent.create(kind);
  });
  afterEach(() => agent.close());

  const scriptOf = (name: string) => {
    const guest = createAgentGuest(agent.session, () => undefined);
    return new DetachedScript(guest, name, join(agent.root, 'build'));
  };
  const ended = (script: DetachedScript) =>
    eventually(async () => (await script.exitCode(never)) !== undefined);

  it('is started once, and tells what it printed and how it ended', async () => {
    const script = scriptOf('1');
    expect(await script.look(never)).toBeUndefined();
    await script.startOnce('echo one; echo two >&2; exit 7', 'a', never);
    await ended(script);
    expect(await script.exitCode(never)).toBe(7);
    expect(await script.look(never)).toMatchObject({ state: 'ended' });
    await eventually(() => script.isQuiet(never));
    expect((await script.output(0, never))?.toString()).toBe('one\ntwo\n');
    expect((await script.output(4, never))?.toString()).toBe('two\n');
    expect(await script.output(8, never)).toBeUndefined();
    expect(await script.lastOutput(never)).toBe('one\ntwo\n');
  });

  it('is found again by another daemon, which does not start it a second time', async () => {
    const count = join(agent.root, 'count');
    const text = `echo begun >>'${count}'; sleep 1; cat '${count}'`;
    await scriptOf('1').startOnce(text, 'a', never);
    const again = scriptOf('1');
    expect(await again.look(never)).toMatchObject({ state: 'alive' });
    await again.startOnce(text, 'b', never);
    await ended(again);
    expect(await again.lastOutput(never)).toBe('begun\n');
  });

  it('has ended though what it started holds its output open', async () => {
    const script = scriptOf('1');
    await script.startOnce('sleep 4321 & echo "$!"; exit 0', 'a', never);
    await ended(script);
    expect(await script.isQuiet(never)).toBe(false);
    process.kill(Number(await script.lastOutput(never)));
    await eventually(() => script.isQuiet(never));
  });

  it('is known to be dead when its guest killed it, and is killed with all that it started', async () => {
    const script = scriptOf('1');
    await script.startOnce('kill -KILL "$PPID"; sleep 1', 'a', never);
    await eventually(async () => (await script.look(never))?.state === 'dead');
    const long = scriptOf('2');
    await long.startOnce('(sleep 4321 & echo "$!"; wait)', 'a', never);
    const pid = await eventually(async () => Number(await long.lastOutput(never)));
    await long.stop(never);
    await eventually(async () => (await long.look(never))?.state === 'dead');
    // Nobody may have reaped it.
    const running = () => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    await eventually(async () => (await running()) === '');
  });
}
