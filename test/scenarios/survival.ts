import { describe, expect, it } from 'vitest';
import type { StepName } from '../../src/host/protocol.ts';
import { urlOf } from '../e2e/tasks.ts';
import { TEXT, web } from './services.ts';
import { stepsUnderWay } from './steps.ts';
import type { Given } from './suite.ts';
import type { World } from './world.ts';

/** Those that an appliance on a bridge goes through until its service is there. */
const STEPS: readonly StepName[] = [
  'Layers',
  'Disk',
  'Start',
  'Agent',
  'Network',
  'Configure',
  'Container',
  'Package',
  'Install',
  'Service',
];

/** How often the daemon is asked for its steps. They may be over in less; then it is killed in one behind. */
const LOOK_MS = 50;

/** Those that last on every hypervisor: a guest boots, and a probe takes its time. */
const LASTING: readonly StepName[] = ['Agent', 'Service'];

/** A guest whose agent is there this many seconds later than it could be: a busy host is looked at that seldom. */
const LATE = 'rootdelay=10';

/** Fails when it is asked for the first times, however long the daemon is away in between. */
const SLOW_PROBE = `asked=/tmp/probe-asked
[ ! -e "$asked" ] || read -r times <"$asked"
echo $((\${times:-0} + 1)) >"$asked"
[ \${times:-0} -ge 20 ]`;

/** The daemon dies in the middle of its work, again and again. */
export function survival(given: Given): void {
  describe('a daemon that is killed', () => {
    it('in each step of one appliance: it is made all the same, and its VM started once', async () => {
      const world = given();
      const told: string[] = [];
      const started = await dying(world, 'tenacious', web(), async (kill) => {
        for (const step of STEPS) {
          await untilStep(world, step);
          const underWay = (await kill()).join(' and ') || 'none';
          told.push(underWay === step ? step : `${step} (it was in ${underWay})`);
        }
      });
      console.log(`killed when it had come to: ${told.join(', ')}`);
      expect(started).toBe(1);
    });

    it('in the middle of the steps that last: it is made all the same, and its VM started once', async () => {
      const world = given();
      await world.addTemplate('late', { type: 'static-site', port: 80 }, { words: LATE });
      const probe = { exec: { command: ['/bin/sh', '-c', SLOW_PROBE] } };
      const service = web({ template: { name: 'late' }, parameters: { probe } });
      const started = await dying(world, 'patient', service, async (kill) => {
        for (const step of LASTING) {
          await world.eventually(
            `the daemon is in step ${step}`,
            async () => expect(await stepsUnderWay(world)).toContain(step),
            LOOK_MS,
          );
          expect(await kill()).toContain(step);
        }
      });
      expect(started).toBe(1);
    });
  });
}

/**
 * Makes a task of one appliance, and takes it away again when it has answered; meanwhile `work` kills the daemon, which is
 * started again, and receives the steps in whose middle it was. Resolves with how many VMs there were.
 */
async function dying(
  world: World,
  task: string,
  service: ReturnType<typeof web>,
  work: (kill: () => Promise<readonly StepName[]>) => Promise<void>,
): Promise<number> {
  const incarnations = new Set<string>();
  const look = async () => {
    for (const { incarnation } of await world.bed.vms()) incarnations.add(incarnation);
  };
  await world.apply(task, service);
  await work(async () => {
    await world.bed.killDaemon();
    const underWay = await stepsUnderWay(world);
    await look();
    await world.restartDaemon();
    await look();
    return underWay;
  });
  const [site] = await world.untilAvailable(task, 1);
  if (site === undefined) throw new Error('one appliance is wanted');
  await world.eventually('it answers', async () => {
    expect(await world.fetch(urlOf(site))).toBe(TEXT);
  });
  await look();
  expect((await world.bed.vms()).map(({ uuid }) => uuid)).toEqual([site.metadata.uid]);
  await world.remove(task);
  expect(await world.bed.vms()).toEqual([]);
  return incarnations.size;
}

/** Resolves as soon as the daemon itself says that the step of its only appliance has begun; it may be over by then. */
async function untilStep(world: World, step: StepName): Promise<void> {
  const look = async () => {
    const [appliance] = await world.host.listAppliances();
    if (appliance?.steps.find(({ name }) => name === step) === undefined) {
      throw new Error(`steps so far: ${appliance?.steps.map(({ name }) => name).join(', ')}`);
    }
  };
  await world.eventually(`step ${step} begins`, look, LOOK_MS);
}
