/**
 * A host's daemon that is asked over its parent's channel, since nobody outside its network namespace reaches it:
 * `daemon.ts <state directory> <file with certificates and more>`.
 */
import { readFile } from 'node:fs/promises';
import { HostApiError } from '../../../src/host/client.ts';
import { runHostd } from '../../../src/main/hostd.ts';
import { type Certificates, clientOf, configOf } from '../../integration/hostd/fixtures.ts';
import type { Answer, Question } from './network-host.ts';

type Settings = {
  readonly certificates: Certificates;
  readonly bridge: string;
  readonly fileRoots: readonly string[];
};

const [stateDirectory = '', file = ''] = process.argv.slice(2);
const { certificates, bridge, fileRoots } = JSON.parse(await readFile(file, 'utf8')) as Settings;
const config = { driver: 'qemu', bridge, fileRoots, overrides: { reserveBytes: 0, measureMs: 500 } } as const;
const daemon = await runHostd(configOf(stateDirectory, certificates, config));
const client = clientOf(daemon.url, certificates);

process.on('message', async (question: Question) => {
  const answer = await answerTo(question);
  process.send?.({ id: question.id, ...answer });
});
process.on('disconnect', () => process.exit());
process.send?.({ id: 0, result: 'ready' });

async function answerTo(question: Question): Promise<Omit<Answer, 'id'>> {
  try {
    return { result: await ask(question) };
  } catch (error) {
    return { failure: error instanceof HostApiError ? error.problem.reason : String(error) };
  }
}

async function ask(question: Question): Promise<unknown> {
  switch (question.call) {
    case 'getHost':
      return client.getHost();
    case 'getAppliance':
      return client.getAppliance(question.argument);
    case 'putAppliance':
      return client.putAppliance(question.argument);
    case 'deleteAppliance':
      return client.deleteAppliance(question.argument);
    case 'putImport':
      return client.putImport(...question.argument);
    case 'fetch':
      return (await fetch(question.argument)).text();
  }
}
