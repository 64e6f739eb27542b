import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { VENDOR_DATA } from './install-agent.ts';

/** What every guest has; everything else is a program that writes down how it was called. */
const REAL = ['cat', 'chmod', 'mkdir', 'mv', 'rm', 'sed', 'grep', 'sh'];

describe('the script that gives a guest its agent', () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'coppice-agent-'));
    for (const folder of ['bin', 'run', 'etc/sysconfig', 'var/lib/cloud', 'seed/coppice'])
      mkdirSync(join(root, folder), { recursive: true });
    for (const name of REAL) put(name, `exec /bin/${name} "$@"`);
    for (const name of ['sync', 'umount', 'systemctl', 'mount']) put(name, 'true');
    put('findfs', 'echo /dev/vdb');
    put('mount', `/bin/cp -r ${root}/seed/. "$4"`);
    systemd({ reload: 'no', enabled: 'static' });
  });
  afterEach(() => rmSync(root, { recursive: true }));

  /** A program of the guest; what it does is written down first. */
  function put(name: string, script: string): void {
    const log = REAL.includes(name) ? '' : `echo "${name} $*" >>${root}/calls\n`;
    writeFileSync(join(root, 'bin', name), `#!/bin/sh\n${log}${script}\n`);
    chmodSync(join(root, 'bin', name), 0o755);
  }
  /** No agent runs yet. */
  function systemd({ reload, enabled }: { readonly reload: string; readonly enabled: string }): void {
    const answers = [
      '-q\\ is-active*) exit 1 ;;',
      `show*) echo ${reload} ;;`,
      `is-enabled*) echo ${enabled} ;;`,
    ];
    put('systemctl', `case "$*" in ${answers.join(' ')} esac`);
  }
  const installs = `printf '#!/bin/sh\\n' >${'$'}{0%/*}/qemu-ga; /bin/chmod 0755 ${'$'}{0%/*}/qemu-ga`;
  /** In a guest whose folders are below `root`. */
  const inGuest = (script: string) =>
    script
      .replaceAll(/(?<![\w/])\/(run|etc|var\/lib\/cloud|dev\/disk)\//g, `${root}/$1/`)
      .replace('PATH=$PATH:', 'ignored=');
  const options = () => ({ encoding: 'utf8', env: { PATH: join(root, 'bin') } }) as const;

  /** One boot: cloud-init runs the hook, then what that put into its place. */
  function boot(): {
    readonly said: string;
    readonly status: number | null;
    readonly calls: readonly string[];
  } {
    rmSync(join(root, 'calls'), { force: true });
    const [first, ...lines] = inGuest(VENDOR_DATA).split('\n');
    expect(first).toBe('#cloud-boothook');
    execFileSync('/bin/sh', ['-c', lines.join('\n')], options());
    const program = join(root, 'var/lib/cloud/scripts/per-boot/coppice-agent');
    const { stdout, stderr, status } = spawnSync('/bin/sh', [program], options());
    expect(stderr).toBe('');
    const calls = existsSync(join(root, 'calls')) ? readFileSync(join(root, 'calls'), 'utf8') : '';
    return { said: stdout, status, calls: calls.trim().split('\n') };
  }
  const onSeed = (name: string) => writeFileSync(join(root, 'seed/coppice', name), 'package');
  const ASKED = [
    'systemctl show --property NeedDaemonReload --value qemu-guest-agent.service',
    'systemctl is-enabled qemu-guest-agent.service',
  ] as const;
  const RESTARTED = 'systemctl restart qemu-guest-agent.service';
  const STARTED = [...ASKED, RESTARTED];

  it.each([
    ['deb', 'dpkg', '-i'],
    ['rpm', 'rpm', '-U --replacepkgs'],
    ['apk', 'apk', 'add --no-network --allow-untrusted'],
  ])('installs a .%s of the seed, and starts it', (ending, program, how) => {
    put(program, installs);
    onSeed(`0-library.${ending}`);
    onSeed(`1-agent.${ending}`);
    const { said, status, calls } = boot();
    const seed = `${root}/run/coppice-seed/coppice`;
    expect(calls).toContain(`${program} ${how} ${seed}/0-library.${ending} ${seed}/1-agent.${ending}`);
    expect(calls.slice(-3)).toEqual(STARTED);
    expect([status, said.trim().split('\n').at(-1)]).toEqual([0, 'coppice: the agent runs']);
  });

  it.each([
    ['apt-get', 'apt-get -q install -y --no-install-recommends qemu-guest-agent'],
    ['dnf', 'dnf -y install qemu-guest-agent'],
    ['zypper', 'zypper --non-interactive install qemu-guest-agent'],
    ['apk', 'apk add qemu-guest-agent'],
  ])('installs it by %s where the seed has no packages', (program, call) => {
    put('dpkg', 'true');
    put(program, installs);
    const { status, calls } = boot();
    expect(status).toBe(0);
    expect(calls).toContain(call);
    expect(calls).toEqual(expect.arrayContaining(STARTED));
  });

  it('has systemd read its units again, and start the agent at each boot, where it does not yet', () => {
    put('qemu-ga', 'true');
    systemd({ reload: 'yes', enabled: 'disabled' });
    const [reload, enable] = ['systemctl daemon-reload', 'systemctl -q enable qemu-guest-agent.service'];
    expect(boot().calls.slice(1)).toEqual([ASKED[0], reload, ASKED[1], enable, RESTARTED]);
  });

  it('begins again after an installation that a power cut ended', () => {
    put('dpkg', `${installs}; kill -KILL $PPID`);
    onSeed('0-agent.deb');
    expect(boot().status).toBeNull();
    put('dpkg', 'true');
    const { status, calls } = boot();
    expect(status).toBe(0);
    expect(calls).toContain(`dpkg -i ${root}/run/coppice-seed/coppice/0-agent.deb`);
    expect(boot().calls.filter((call) => call.startsWith('dpkg'))).toEqual([]);
  });

  it('leaves an agent that runs alone', () => {
    put('qemu-ga', 'true');
    put('systemctl', 'true');
    expect(boot()).toEqual({
      said: '',
      status: 0,
      calls: ['systemctl -q is-active qemu-guest-agent.service'],
    });
  });

  it.each(['BLACKLIST_RPC', 'FILTER_RPC_ARGS', 'QEMU_GA_ARGS'])(
    'lets it run programs, which %s forbids, once',
    (name) => {
      const settings = join(root, 'etc/sysconfig/qemu-ga');
      put('qemu-ga', 'true');
      writeFileSync(
        settings,
        `# a comment\n${name}="--block-rpcs=guest-exec,guest-file-open"\nFSFREEZE_HOOK_PATHNAME=/x\n`,
      );
      expect(boot().calls).toEqual(STARTED);
      put('systemctl', 'true');
      expect(readFileSync(settings, 'utf8')).toBe(`# a comment\n${name}=\nFSFREEZE_HOOK_PATHNAME=/x\n`);
      expect(boot().calls).toEqual(['systemctl -q is-active qemu-guest-agent.service']);
    },
  );

  it('says what to do when it finds no agent', () => {
    const { said, status } = boot();
    expect(status).toBe(1);
    expect(said).toContain(
      'coppice: no agent could be installed: give the template packages (guest.agentPackages)',
    );
  });

  it('says when the agent does not start', () => {
    put('qemu-ga', 'true');
    put('systemctl', 'exit 3');
    expect(boot()).toMatchObject({ status: 1, said: 'coppice: the agent did not start\n' });
  });
});
