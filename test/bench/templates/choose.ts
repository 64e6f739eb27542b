import { chooseTemplate } from '../../../controllers/servicedeployment/choose.ts';
import { cachesOf } from '../../builders/caches.ts';
import { aDeployment, aService } from '../../builders/objects.ts';
import { type BenchContext, type Ratio, summarise } from '../harness.ts';
import { catalogue, SERIES, seriesName, TEMPLATES } from './catalogue.ts';

const ROUNDS = 4;

/** The operator chooses the template of a service that asks for a series. */
export function measureChoice(context: BenchContext): Ratio[] {
  const { templates } = cachesOf({ templates: catalogue() });
  const task = aDeployment();
  const wanted = Array.from({ length: SERIES }, (_, index) => ({
    recent: aService({ template: { series: seriesName(index) } }),
    newest: aService({ template: { series: seriesName(index), policy: 'Newest' } }),
  }));
  const samples: number[] = [];
  // The first round is that of V8's compiler.
  for (let round = 0; round <= ROUNDS; round += 1)
    for (const services of wanted)
      for (const service of Object.values(services)) {
        const begun = performance.now();
        const { key } = chooseTemplate(task, service, { templates: templates.list(), pinned: undefined });
        const took = performance.now() - begun;
        if (key === undefined) throw new Error(`nothing was chosen of ${service.template.series}`);
        if (round > 0) samples.push(took);
      }
  const { samples: _, ...milliseconds } = summarise(samples);
  context.log(`${samples.length} choices, ${milliseconds.median.toFixed(3)} ms each`);
  return [
    {
      name: `templates/choice-among-${TEMPLATES}-in-${SERIES}-series-milliseconds`,
      value: milliseconds.median,
      aim: 1,
      better: 'less',
      raw: { counted: 'median milliseconds of a choice, as a reconcile makes it', milliseconds },
    },
  ];
}
