import { randomBytes } from 'node:crypto';
import { orAborted } from '../../../base/abort.ts';
import type { Clock } from '../../../base/clock.ts';
import { hostErrors } from '../../errors/index.ts';
import type { Guest, GuestExecResult } from '../guest.ts';
import { otherGuest } from '../identity.ts';
import { runActions } from '../install.ts';
import { TELL_UUIDS } from '../installed.ts';
import { parseNetwork, readNetworkArgv, setNetworkArgv } from '../network.ts';
import { networkFaults } from '../network-faults.ts';
import { shellScript } from '../session.ts';
import { changeScript, PARTS, TAKEN } from './change.ts';
import { CLONE, FAILED_PART, LOOK_CLONE, PRELUDE, READ_CLONE, TAKING_PATH } from './prelude.ts';
import { FINISH } from './processes.ts';
import { bootedAt, faultsIn, isOfClock, READ_BACK } from './read-back.ts';
import { SEED_BYTES } from './reseed-program.ts';
import type { CloneIdentity } from './types.ts';

export type CloneWork = { readonly clock: Clock; readonly signal: AbortSignal };

/** Prints who the guest is, for how long its kernel runs, and whether nothing is left to do. */
const LOOK = `${TELL_UUIDS}read -r up rest </proc/uptime
printf '%s\\n' "$up"
[ -f ${TAKING_PATH} ] || echo whole`;

const LOOK_MS = 20_000;
/** Keys of RSA take an emulated guest many seconds, hooks take what they take. */
const WORK_MS = 600_000;
const COMMAND_MS = 120_000;
/** An agent that ended has forgotten the question. */
const SILENT_MS = 60_000;
/** How often the clock is set, on a host so busy that a guest's answer takes seconds. */
const MOST_CLOCKS = 4;

type Look = {
  readonly isWhole: boolean;
  /** See {@link bootedAt}. */
  readonly booted: string;
};

/** Whether the guest has this identity, whole: then nothing is left to do. Rejects with `WrongGuest` when it is another machine's. */
export async function hasIdentity(guest: Guest, clone: CloneIdentity, work: CloneWork): Promise<boolean> {
  return (await look(guest, clone, work)).isWhole;
}

async function look(guest: Guest, clone: CloneIdentity, { clock, signal }: CloneWork): Promise<Look> {
  const asked = clock.now();
  const argv = ['/bin/sh', '-c', LOOK, LOOK_CLONE];
  const { exitCode, stdout, stderr } = await run(guest, argv, LOOK_MS, signal);
  if (exitCode !== 0) throw hostErrors.guestCommandFailed('ask a clone who it is', exitCode, stderr);
  const [told = '', uptime = '', whole] = stdout.split('\n');
  const uuids = told.split(' ').slice(1);
  const other = otherGuest(clone.uuid, uuids);
  if (other !== undefined && otherGuest(clone.from.uuid, uuids) !== undefined)
    throw hostErrors.wrongGuest(clone.uuid, clone.uuid, other);
  const isWhole = other === undefined && whole === 'whole' && uuids.includes(clone.uuid);
  return { isWhole, booted: bootedAt({ asked, answered: clock.now() }, uptime) };
}

/**
 * Makes a VM that continues from another machine's memory a machine of its own, by its agent, while it is not connected to any network, and
 * asks the guest for all that was set. Resolves when it may be connected. Rejects with `CloneIdentityFailed`, which names the part, with
 * `WrongGuest`, or with what the {@link Guest} rejects with: the VM must not be connected then. After an interruption at any point it is
 * called again, and does what is left; a guest that has the identity stays as it is.
 */
export async function takeIdentity(guest: Guest, clone: CloneIdentity, work: CloneWork): Promise<void> {
  const { signal } = work;
  const { isWhole, booted } = await look(guest, clone, work);
  if (isWhole) return;
  const { onClone } = clone;
  if (onClone.kind === 'Restart') await runActions(guest, onClone.stop, { kind: 'none' }, signal);
  // What an attempt before this one left running may have come to its end meanwhile.
  if (!(await change(guest, clone, booted, signal))) {
    await requireSet(guest, clone, work);
    await requireNetwork(guest, clone, signal);
  }
  if (onClone.kind === 'Restart') await runActions(guest, onClone.start, { kind: 'none' }, signal);
  await mustSucceed(guest, clone, `${PRELUDE}${FINISH}`, [], { signal });
}

/** @returns whether the guest had the identity already */
async function change(
  guest: Guest,
  clone: CloneIdentity,
  booted: string,
  signal: AbortSignal,
): Promise<boolean> {
  const input = randomBytes(SEED_BYTES);
  const script = `${PRELUDE}${changeScript(PARTS)}`;
  return (await mustSucceed(guest, clone, script, [booted], { signal, input })).startsWith(TAKEN);
}

/** The success of the commands proves nothing: the guest's kernel and files are asked. */
async function requireSet(guest: Guest, clone: CloneIdentity, { clock, signal }: CloneWork): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    const asked = clock.now();
    const output = await mustSucceed(guest, clone, READ_BACK, [], { signal, name: READ_CLONE });
    const time = { asked, answered: clock.now() };
    const interfaces = await orAborted(guest.interfaces(COMMAND_MS), signal);
    const faults = faultsIn(clone, { output, interfaces, ...time });
    const fault = faults.find((each) => !isOfClock(each)) ?? faults[0];
    if (fault === undefined) return;
    if (tries === MOST_CLOCKS || !isOfClock(fault)) throw failure(clone, fault);
    const parts = PARTS.filter(({ name }) => name === 'start' || name === 'clock');
    const booted = bootedAt(time, /^up (\S+)$/m.exec(output)?.[1] ?? '');
    await mustSucceed(guest, clone, `${PRELUDE}${changeScript(parts)}`, [booted], { signal });
  }
}

/** Nobody can answer for an address before the VM is connected; the kernel asks for one of IPv6 when it is. */
async function requireNetwork(guest: Guest, clone: CloneIdentity, signal: AbortSignal): Promise<void> {
  const { network, mac } = clone;
  if (network.mode === 'user') return;
  const set = await run(guest, setNetworkArgv(mac, network, false), COMMAND_MS, signal);
  if (set.exitCode !== 0) throw failure(clone, { part: 'network', why: set.stderr });
  const read = await run(guest, readNetworkArgv(mac, network), COMMAND_MS, signal);
  if (read.exitCode !== 0) throw failure(clone, { part: 'network', why: read.stderr });
  const interfaces = await orAborted(guest.interfaces(COMMAND_MS), signal);
  const actual = { ...parseNetwork(read.stdout), tentative: [] };
  const { missing, surplus } = networkFaults(network, mac, actual, interfaces);
  const why = [...missing, ...surplus].join(', ');
  if (why !== '') throw failure(clone, { part: 'network', why });
}

async function mustSucceed(
  guest: Guest,
  clone: CloneIdentity,
  script: string,
  more: readonly string[],
  {
    signal,
    input,
    name = CLONE,
  }: { readonly signal: AbortSignal; readonly input?: Uint8Array; readonly name?: string },
): Promise<string> {
  const { uuid, from, hostname, mac, network, onClone } = clone;
  const values = [uuid, from.uuid, hostname, mac, from.mac, network.mode, onClone.kind, ...more];
  const argv = shellScript(script, values, name);
  const { exitCode, stdout, stderr } = await run(guest, argv, WORK_MS, signal, input);
  if (exitCode === 0) return stdout;
  const at = stderr.lastIndexOf(FAILED_PART);
  const part = at === -1 ? 'identity' : stderr.slice(at + FAILED_PART.length).trim();
  throw failure(clone, { part, why: (at === -1 ? stderr : stderr.slice(0, at)).trim() });
}

function failure({ uuid }: CloneIdentity, { part, why }: { readonly part: string; readonly why: string }) {
  return hostErrors.cloneIdentityFailed(uuid, part, why);
}

function run(
  guest: Guest,
  argv: readonly string[],
  timeoutMs: number,
  signal: AbortSignal,
  input?: Uint8Array,
): Promise<GuestExecResult> {
  signal.throwIfAborted();
  return orAborted(
    guest.exec(argv, { timeoutMs, silentMs: SILENT_MS, ...(input === undefined ? {} : { input }) }),
    signal,
  );
}
