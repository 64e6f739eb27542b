import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { findCondition } from '../../../src/api/conditions.ts';
import { TEMPLATES } from '../../../src/api/kinds.ts';
import { isNotFound } from '../../../src/kube/api-error.ts';
import type { KubeClient } from '../../../src/kube/client/client.ts';
import { BareVm, type Command } from '../bare-vm.ts';
import { type BenchContext, interleave, type Ratio, type Side, summarise, type Work } from '../harness.ts';
import { RESOURCES } from '../task.ts';

const REPETITIONS = 5;
const POLL_MS = 50;
const STEP_MS = 300_000;
const NAMED = { name: 'built', namespace: 'default' };
/** As an installation does, each writes some, computes some and waits for the disk: a few seconds, which is still a short one. */
const STEPS = [1, 2, 3].map(
  (number) => `set -e
dd if=/dev/urandom of=/srv/www/${number} bs=1M count=4 2>/dev/null
for round in 1 2 3 4 5 6; do
  gzip -c /srv/www/${number} >/srv/www/${number}.gz
  sha256sum /srv/www/${number} >/srv/www/${number}.sum
done
sync`,
);
const run = promisify(execFile);

/** A template is built, against the same steps in the same VM, which a person starts and ends. */
export async function measureBuild(
  context: BenchContext,
  folder: string,
  client: KubeClient,
  command: Command,
): Promise<Ratio> {
  const parent = await minimalOf(client);
  const seconds = await interleave(context, REPETITIONS, {
    build: (repetition) => build(client, parent, repetition),
    byHand: byHand(join(folder, 'by-hand'), command),
  });
  const ratio = summarise(
    seconds.build.map((taken, repetition) => taken / (seconds.byHand[repetition] ?? 0)),
  );
  return {
    name: `templates/build-of-${STEPS.length}-steps-against-the-steps-by-hand`,
    value: ratio.median,
    aim: 1.1,
    better: 'less',
    raw: {
      counted:
        'from the apply of a Template with steps to its Ready, ÷ qemu-img create, QEMU, the steps through the agent, power-off, qemu-img check; the median of the ratios',
      ratio,
      buildSeconds: summarise(seconds.build),
      byHandSeconds: summarise(seconds.byHand),
    },
  };
}

/** The template that `coppice up` declares. */
async function minimalOf(client: KubeClient): Promise<{ readonly name: string; readonly namespace: string }> {
  const { items } = await client.list(TEMPLATES, { namespace: 'coppice-system' });
  const name = items.find(({ spec }) => spec.series === 'minimal')?.metadata.name;
  if (name === undefined) throw new Error('there is no template of the series minimal');
  return { name, namespace: 'coppice-system' };
}

async function build(client: KubeClient, parent: object, repetition: number): Promise<Work> {
  const steps = STEPS.map((step) => ({ run: step }));
  const source = { parent, build: { revision: `${repetition}`, resources: RESOURCES, steps } };
  const template = {
    apiVersion: 'coppice.dev/v1alpha1',
    kind: 'Template',
    metadata: NAMED,
    spec: { source },
  };
  await client.apply(TEMPLATES, template, { fieldManager: 'bench' });
  for (;;) {
    const { status } = await client.get(TEMPLATES, NAMED);
    const { status: isReady, message } = findCondition(status?.conditions, 'Ready') ?? {};
    if (isReady === 'True') return { clearUp: () => deleteTemplate(client, NAMED) };
    if (status?.build?.state === 'Failed') throw new Error(message);
    await delay(POLL_MS);
  }
}

/** Deletes the template and waits until it is gone. */
export async function deleteTemplate(client: KubeClient, named: typeof NAMED): Promise<void> {
  await client.delete(TEMPLATES, named);
  for (;;) {
    const isGone = await client.get(TEMPLATES, named).then(() => false, isNotFound);
    if (isGone) return;
    await delay(POLL_MS);
  }
}

function byHand(folder: string, command: Command): Side {
  return async () => {
    const vm = await BareVm.start(folder, command);
    await vm.untilAgentAnswers();
    for (const step of STEPS) {
      const { exitCode, stderr } = await vm.guest.exec(['/bin/sh', '-c', step], { timeoutMs: STEP_MS });
      if (exitCode !== 0) throw new Error(`a step ended with ${exitCode}: ${stderr}`);
    }
    await vm.powerOff();
    await run('qemu-img', ['check', '-q', '-f', 'qcow2', vm.disk]);
    return { clearUp: () => rm(folder, { recursive: true }) };
  };
}
