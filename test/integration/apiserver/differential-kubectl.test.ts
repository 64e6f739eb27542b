import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findKubectl, Kubectl } from '../../kubectl.ts';
import { describeOnKubernetes } from '../../kubernetes/suite.ts';
import { type Command, type Script, scripts } from './differential/kubectl-scripts.ts';
import { type Side, startSides } from './differential/sides.ts';

const program = await findKubectl();

interface Said {
  readonly command: string;
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What differs from run to run: times, uids, versions, addresses, temporary files, and spaces that fill up to them. */
function plain(text: string): string {
  return text
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
  let embedded: Side;
  let kube: Side;
  let folder: string;

  beforeAll(async () => {
    if (program === undefined)
      throw new Error('no kubectl: put one into the PATH, or set KUBEBUILDER_ASSETS');
    folder = await mkdtemp(join(tmpdir(), 'coppice-kubectl-'));
    ({ embedded, kube } = await startSides(programs));
  });
  afterAll(async () => {
    await embedded?.stop();
    await kube?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** A program that kubectl takes for an editor: it applies a sed script. */
  async function editorFor(editing: string, index: number): Promise<string> {
    const path = join(folder, `editor-${index}`);
    await writeFile(path, `#!/bin/sh\nexec sed -i '${editing}' "$1"\n`);
    await chmod(path, 0o755);
    return path;
  }

  async function play({ server }: Side, { commands }: Script, ns: string): Promise<Said[]> {
    const said: Said[] = [];
    const filled = (text: string) => text.replaceAll('{ns}', ns);
    const run = async ({ args, input, editing }: Command, index: number) => {
      const env = editing === undefined ? {} : { KUBE_EDITOR: await editorFor(editing, index) };
      const kubectl = new Kubectl(program ?? '', server.kubeconfigPath, env);
      const named = args.includes('-n') ? args : [...args, '-n', ns];
      const { code, stdout, stderr } = await kubectl.run(named.map(filled), filled(input ?? ''));
      return { command: args.join(' '), code, stdout: plain(stdout), stderr: plain(stderr) };
    };
    await run({ args: ['create', 'namespace', ns] }, 0);
    for (const [index, command] of commands.entries()) said.push(await run(command, index));
    return said;
  }

  describe('says the same', () => {
    it.each(scripts)('of: $name', async (one) => {
      const ns = `script-${scripts.indexOf(one)}`;
      const [ours, theirs] = [await play(embedded, one, ns), await play(kube, one, ns)];
      expect(ours).toEqual(theirs);
      // What fails on both for a reason of the script's would prove nothing.
      expect(theirs.filter(({ code }, index) => code !== (one.commands[index]?.fails ? 1 : 0))).toEqual([]);
    });
  });
});
