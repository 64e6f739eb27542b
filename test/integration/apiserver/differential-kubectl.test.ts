import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { findKubectl, Kubectl, NO_KUBECTL } from '../../kubectl.ts';
import { describeOnKubernetes } from '../../kubernetes/suite.ts';
import type { Command, Script, Watching } from './differential/kubectl-commands.ts';
import { lives } from './differential/kubectl-lives.ts';
import { scripts } from './differential/kubectl-scripts.ts';
import { type Side, useSides } from './differential/sides.ts';

const program = await findKubectl();
const all = [...scripts, ...lives];
/** How long what a command watches may take to be printed. */
const PATIENCE_MS = 60_000;

interface Said {
  readonly command: Command;
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What client-go logs, or does not: kubectl's own time-out ends its watch by either of two ways, as chance has it. */
const OWN_TIMEOUT = /^E\d{4} .* reflector\.go:\d+\] "Failed to watch" err="context deadline exceeded" .*\n/gm;

/** What differs from run to run: times, uids, versions, addresses, temporary files, and spaces that fill up to them. */
function plain(text: string): string {
  return text
    .replaceAll(OWN_TIMEOUT, '')
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UID')
    .replaceAll(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.\d]*( [+-]\d{4}|Z)?/g, 'TIME')
    .replaceAll(/(resourceVersion"?: )"\d+"/g, '$1RV')
    .replaceAll(/(Resource Version: +)\d+/g, '$1RV')
    .replaceAll(/127\.0\.0\.1:\d+/g, 'SERVER')
    .replaceAll(/\/\S*\/(LIVE|MERGED)-\d+/g, '$1')
    .replaceAll(/\S*kubectl-edit-\S+/g, 'EDITED')
    .replaceAll(/\b\d+[smhd](\d+[smhd])?\b/g, 'AGE')
    .replaceAll(/ {2,}/g, '  ')
    .replaceAll(/ +$/gm, '');
}

await describeOnKubernetes('kubectl on both servers', (programs) => {
  const sides = useSides(programs);
  let folder: string;
  let editors = 0;

  beforeAll(async () => {
    if (program === undefined) throw new Error(NO_KUBECTL);
    folder = await mkdtemp(join(tmpdir(), 'coppice-kubectl-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** A program that kubectl takes for an editor: it applies a sed script. */
  async function editorFor(editing: string): Promise<string> {
    const path = join(folder, `editor-${editors}`);
    editors += 1;
    await writeFile(path, `#!/bin/sh\nexec sed -i '${editing}' "$1"\n`);
    await chmod(path, 0o755);
    return path;
  }

  /** What a command prints that watches, while others are run one by one. */
  async function watched(
    kubectl: Kubectl,
    args: readonly string[],
    { first, then }: Watching,
    run: (command: Command) => Promise<void>,
  ): Promise<string> {
    const child = kubectl.start(args);
    const closed = once(child, 'close');
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    let wanted = 0;
    const printed = async (more: number): Promise<void> => {
      wanted += more;
      const count = () => stdout.split('\n').length - 1;
      const isOver = () => count() >= wanted || child.exitCode !== null;
      await vi.waitUntil(isOver, { timeout: PATIENCE_MS, interval: 20 });
      if (count() !== wanted) throw new Error(`kubectl prints ${count()} lines, not ${wanted}: ${stdout}`);
    };
    try {
      await printed(first);
      for (const { command, lines } of then) {
        await run(command);
        await printed(lines);
      }
      return stdout;
    } finally {
      child.kill('SIGKILL');
      await closed;
    }
  }

  async function play({ server }: Side, { commands }: Script, ns: string): Promise<Said[]> {
    const said: Said[] = [];
    let kept = '';
    const filled = (text: string) => text.replaceAll('{ns}', ns).replaceAll('{kept}', kept);
    const run = async (command: Command) => {
      const { args, input = '', editing, isKept, isAside, watches } = command;
      const env = editing === undefined ? {} : { KUBE_EDITOR: await editorFor(editing) };
      const kubectl = new Kubectl(program ?? '', server.kubeconfigPath, env);
      const typed = (args.includes('-n') ? args : [...args, '-n', ns]).map(filled);
      const { code, stdout, stderr } =
        watches === undefined
          ? await kubectl.run(typed, filled(input))
          : { code: 0, stdout: await watched(kubectl, typed, watches, run), stderr: '' };
      if (isKept === true) kept = stdout;
      said.push({ command, code, stdout: isAside === true ? '' : plain(stdout), stderr: plain(stderr) });
    };
    await run({ args: ['create', 'namespace', ns] });
    for (const command of commands) await run(command);
    return said;
  }

  describe('says the same', () => {
    it.each(all)('of: $name', async (one) => {
      const ns = `script-${all.indexOf(one)}`;
      const [ours, theirs] = await Promise.all([play(sides.embedded, one, ns), play(sides.kube, one, ns)]);
      expect(ours).toEqual(theirs);
      // What fails on both for a reason of the script's would prove nothing.
      expect(theirs.filter(({ command, code }) => code !== (command.fails ? 1 : 0))).toEqual([]);
    });
  });
});
