import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../base/clock.ts';
import type { GuestAction } from '../../../domain/services/types.ts';
import type { Guest, GuestExecResult } from '../guest.ts';
import { READ_NETWORK, SET_NETWORK } from '../network.ts';
import { hasIdentity, takeIdentity } from './clone-identity.ts';
import { CLONE, LOOK_CLONE, READ_CLONE } from './prelude.ts';
import { SEED_BYTES } from './reseed-program.ts';
import type { CloneIdentity } from './types.ts';

const UUID = '6f0d1c2b-0000-4000-8000-00000000abcd';
const SOURCE = '5a5a5a5a-0000-4000-8000-000000000001';
const OTHER = '77777777-0000-4000-8000-000000000001';
const MAC = '52:54:00:00:00:02';
const NOW = 1_800_000_000_000;
const clock = { ...systemClock, now: () => NOW };
const never = new AbortController().signal;
const OK: GuestExecResult = { exitCode: 0, stdout: '', stderr: '' };
const action = (title: string): GuestAction => ({ kind: 'exec', title, argv: [title], timeoutSeconds: 9 });
const bridge = { mode: 'bridge', ports: [], address: '10.0.8.4', prefixLength: 24, dns: [] } as const;

const identity: CloneIdentity = {
  uuid: UUID,
  from: { uuid: SOURCE, mac: '52:54:00:00:00:01' },
  hostname: 'web-1',
  mac: MAC,
  network: { mode: 'user' },
  onClone: { kind: 'Hook' },
};

/** A guest that says what the test wants, and notes what it was asked. */
class ToldGuest {
  readonly asked: string[] = [];
  readonly inputs: Buffer[] = [];
  readonly argv: string[] = [];
  told = SOURCE;
  whole = '';
  behindMs = [0];
  addresses = [{ address: '10.0.8.4', prefixLength: 24 }];
  readonly answers: Record<string, GuestExecResult> = {};

  readonly guest = {
    exec: async (argv: readonly string[], { input }: { readonly input?: Uint8Array }) => {
      const name = argv[3] ?? argv[0] ?? '';
      this.argv.push(argv.join(' '));
      if (input !== undefined) this.inputs.push(Buffer.from(input));
      const step = name === CLONE ? (argv[2]?.includes('part=random') ? 'change' : this.#of(argv[2])) : name;
      this.asked.push(step);
      if (name === LOOK_CLONE) return { ...OK, stdout: `boot ${this.told}\n12.08\n${this.whole}` };
      const answer = this.answers[step];
      if (answer !== undefined) return answer;
      if (name === READ_CLONE) return { ...OK, stdout: this.#said() };
      if (name === READ_NETWORK) return { ...OK, stdout: 'device eth0' };
      return OK;
    },
    interfaces: async () => [{ name: 'eth0', mac: MAC, addresses: this.addresses }],
  } as unknown as Guest;

  #of(script = ''): string {
    return script.includes('part=clock') ? 'clock' : 'finish';
  }

  #said(): string {
    const behind = this.behindMs.length > 1 ? this.behindMs.shift() : this.behindMs[0];
    const time = (NOW - (behind ?? 0)) / 1000;
    return [
      ...['hostname web-1', 'hostname-file web-1', 'boot b', `mac ${MAC}`, 'reseeded yes', `taking ${UUID}`],
      ...[`identity-uuid ${UUID}`, 'identity-boot b', 'up 13.00', `time ${time}`],
    ].join('\n');
  }
}

const take = (told: ToldGuest, change: Partial<CloneIdentity> = {}, signal = never) =>
  takeIdentity(told.guest, { ...identity, ...change }, { clock, signal });

describe('a clone', () => {
  it('is changed, asked, and then has its identity', async () => {
    const told = new ToldGuest();
    await take(told);
    expect(told.asked).toEqual([LOOK_CLONE, 'change', READ_CLONE, 'finish']);
  });

  it('gets random bytes that no argument shows, others each time', async () => {
    const [first, second] = [new ToldGuest(), new ToldGuest()];
    await take(first);
    await take(second);
    const seeds = [first, second].flatMap(({ inputs }) => inputs);
    expect(seeds.map(({ length }) => length)).toEqual([SEED_BYTES, SEED_BYTES]);
    expect(seeds[0]).not.toEqual(seeds[1]);
    for (const { argv, inputs } of [first, second])
      for (const form of ['hex', 'base64', 'latin1'] as const)
        expect(argv.join()).not.toContain(inputs[0]?.toString(form));
  });

  it('stays as it is when it has the identity', async () => {
    const told = new ToldGuest();
    [told.told, told.whole] = [UUID, 'whole\n'];
    expect(await hasIdentity(told.guest, identity, { clock, signal: never })).toBe(true);
    await take(told);
    expect(told.asked).toEqual([LOOK_CLONE, LOOK_CLONE]);
  });

  it('has its services stopped before and started after, also when only the end was missing', async () => {
    const onClone = { kind: 'Restart', stop: [action('stop it')], start: [action('start it')] } as const;
    const told = new ToldGuest();
    await take(told, { onClone });
    expect(told.asked).toEqual([LOOK_CLONE, 'stop it', 'change', READ_CLONE, 'start it', 'finish']);
    const late = new ToldGuest();
    late.told = UUID;
    late.answers.change = { ...OK, stdout: 'taken\n' };
    await take(late, { onClone });
    expect(late.asked).toEqual([LOOK_CLONE, 'stop it', 'change', 'start it', 'finish']);
  });

  it('gets its address where it is not connected, and is asked for it', async () => {
    const told = new ToldGuest();
    await take(told, { network: bridge });
    expect(told.asked).toEqual([LOOK_CLONE, 'change', READ_CLONE, SET_NETWORK, READ_NETWORK, 'finish']);
    expect(told.argv.find((each) => each.includes(SET_NETWORK))).toContain('asks=no');
    told.addresses = [...told.addresses, { address: '10.0.8.3', prefixLength: 24 }];
    await expect(take(told, { network: bridge })).rejects.toMatchObject({
      reason: 'CloneIdentityFailed',
      message: expect.stringMatching(/'network' is not its own: eth0 still has 10.0.8.3\/24/),
    });
  });

  it('has its clock set again where a busy host was late, and not for ever', async () => {
    const told = new ToldGuest();
    told.behindMs = [9000, 5000, 0];
    await take(told);
    const again = ['clock', READ_CLONE];
    expect(told.asked).toEqual([LOOK_CLONE, 'change', READ_CLONE, ...again, ...again, 'finish']);
    const times = told.argv
      .filter((each) => each.includes('part=clock'))
      .map((each) => each.split(' ').at(-1));
    expect(times).toEqual([NOW / 10 - 1208, NOW / 10 - 1300, NOW / 10 - 1300].map(String));
    told.behindMs = [9000];
    await expect(take(told)).rejects.toMatchObject({
      message: expect.stringMatching(/'clock' is not its own: its clock is -9000 ms from the host's/),
    });
  });
});

describe('what is not a clone that has its identity', () => {
  it('is another machine’s guest, in which nothing is changed', async () => {
    const told = new ToldGuest();
    told.told = OTHER;
    await expect(take(told)).rejects.toMatchObject({ reason: 'WrongGuest' });
    expect(told.asked).toEqual([LOOK_CLONE]);
  });

  it('is one in which a part fails: the error has its name, and what the guest said', async () => {
    const told = new ToldGuest();
    told.answers.change = { exitCode: 1, stdout: '', stderr: 'mv: Device busy\ncoppice-part machine-id\n' };
    await expect(take(told)).rejects.toMatchObject({
      reason: 'CloneIdentityFailed',
      message: expect.stringMatching(/'machine-id' is not its own: mv: Device busy; it is not connected/),
    });
    expect(told.asked).toEqual([LOOK_CLONE, 'change']);
  });

  it('is one that says something else than what was set, whatever its commands said', async () => {
    const told = new ToldGuest();
    told.answers[READ_CLONE] = { ...OK, stdout: 'hostname web-0' };
    await expect(take(told)).rejects.toMatchObject({ reason: 'CloneIdentityFailed' });
    expect(told.asked).toEqual([LOOK_CLONE, 'change', READ_CLONE]);
  });

  it('is one whose daemon has other work now', async () => {
    const told = new ToldGuest();
    await expect(take(told, {}, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
    expect(told.asked).toEqual([]);
  });
});
