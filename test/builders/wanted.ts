import type { Service } from '../../controllers/servicedeployment/services.ts';
import { type WantedAppliance, wantedAppliances } from '../../controllers/servicedeployment/wanted.ts';
import type { Condition } from '../../src/api/conditions.ts';
import type { VirtualAppliance } from '../../src/api/kinds.ts';
import { aDeployment, anAppliance, aService } from './objects.ts';

/** What the task `shop` wants of a service. */
export function wantedFor(service: Partial<Service>): WantedAppliance[] {
  return wantedAppliances(
    aDeployment(),
    aService(service),
    () => 'default/debian',
    () => undefined,
  );
}

/** An appliance as the task `shop` made it, answering or not. */
export function existing(
  ordinal: number,
  change: {
    answers?: boolean | 'unknown';
    /** The reason that Ready is False. */
    trouble?: string;
    /** Of its spec; its conditions are about the first. */
    generation?: number;
    spec?: Partial<VirtualAppliance['spec']>;
    going?: boolean;
  } = {},
) {
  const [wanted] = wantedFor({ replicas: ordinal + 1 }).slice(ordinal);
  if (wanted === undefined) throw new Error(`nothing is wanted for ${ordinal}`);
  const { answers = true, trouble, generation = 1, spec = {}, going = false } = change;
  const available = answers === 'unknown' ? 'Unknown' : answers ? 'True' : 'False';
  const lastTransitionTime = '2026-01-01T00:00:00Z';
  const common = { message: '', observedGeneration: 1, lastTransitionTime };
  const conditions: Condition[] = [
    { ...common, type: 'Available', status: available, reason: 'Test' },
    {
      ...common,
      type: 'Ready',
      status: trouble === undefined ? available : 'False',
      reason: trouble ?? 'Test',
    },
  ];
  return anAppliance({
    metadata: {
      name: wanted.name,
      labels: { ...wanted.labels },
      generation,
      ...(going ? { deletionTimestamp: lastTransitionTime } : {}),
    },
    spec: { ...wanted.spec, ...spec },
    status: { conditions },
  });
}
