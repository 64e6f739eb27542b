import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createFleet } from '../../integration/hostd/transfer/fixtures.ts';
import { type BenchContext, interleave, type Ratio, summarise, warmUp } from '../harness.ts';
import { toTheEnd } from './commands.ts';
import { Daemon } from './daemon.ts';
import { makeImage } from './image.ts';

const SIZE_MIB = 512;
const REPETITIONS = 7;

type Step = 'sha256sum' | 'convert' | 'reading';

/** An image becomes a layer, against the commands that a person would check, convert and read it with. */
export async function measureImport(context: BenchContext, folder: string): Promise<Ratio[]> {
  const image = await makeImage(join(folder, 'image.raw'), SIZE_MIB);
  const daemon = await Daemon.start(folder, 'host-a', await createFleet());
  const steps: Record<Step, number[]> = { sha256sum: [], convert: [], reading: [] };
  const converted = join(folder, 'converted.qcow2');
  const timed = async (step: Step, program: string, ...argv: readonly string[]) => {
    const begun = context.now();
    await toTheEnd(program, argv);
    steps[step].push(context.now() - begun);
  };
  try {
    const sides = {
      import: async () => {
        const identity = await daemon.import(image);
        return {
          clearUp: async () => {
            await daemon.client.deleteImport({ sha256: image.sha256, kind: 'disk', namespace: 'default' });
            await daemon.client.deleteLayer(identity);
            await toTheEnd('sync', []);
          },
        };
      },
      byHand: async () => {
        await timed('sha256sum', 'sha256sum', image.path);
        await timed('convert', 'qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', image.path, converted);
        await timed('reading', 'cat', converted);
        return {
          clearUp: async () => {
            await rm(converted);
            await toTheEnd('sync', []);
          },
        };
      },
    };
    await warmUp(sides);
    for (const samples of Object.values(steps)) samples.length = 0;
    return [ratioOf(await interleave(context, REPETITIONS, sides), steps)];
  } finally {
    await daemon.stop();
    await rm(image.path);
  }
}

function ratioOf(
  seconds: Readonly<Record<'import' | 'byHand', readonly number[]>>,
  steps: Readonly<Record<Step, readonly number[]>>,
): Ratio {
  const ratio = summarise(
    seconds.import.map((taken, repetition) => taken / (seconds.byHand[repetition] ?? 0)),
  );
  return {
    name: `templates/import-against-commands-${SIZE_MIB}-MiB`,
    value: ratio.median,
    aim: 1.1,
    better: 'less',
    raw: {
      counted:
        'from PUT /v1/imports to Ready, when all is on the disk for good, ÷ sha256sum, qemu-img convert and cat of the result; the median of the ratios',
      ratio,
      importSeconds: summarise(seconds.import),
      byHandSeconds: summarise(seconds.byHand),
      steps: Object.fromEntries(Object.entries(steps).map(([step, samples]) => [step, summarise(samples)])),
    },
  };
}
