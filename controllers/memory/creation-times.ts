import { expectedTime, recordTime, type TemplateTimes } from '../../src/domain/timing/means.ts';
import type { CreationTime } from '../../src/domain/timing/prediction.ts';
import type { ApplianceStatus } from '../../src/host/protocol.ts';

/** Tc and Ts of Equation 1 (SO-MVDS 4.1), in seconds. */
export interface PlacementTimes {
  readonly tcSeconds: number;
  readonly tsSeconds: number;
}

/**
 * Durations measured since the operator started: the creation of a VM of each template on each host, and the last placement. Only
 * predictions depend on them, and get better with each measurement.
 */
export class CreationTimes {
  #means: TemplateTimes = new Map();
  #placement: PlacementTimes = { tcSeconds: 0, tsSeconds: 0 };
  readonly #counted = new Set<string>();

  get placement(): PlacementTimes {
    return this.#placement;
  }

  recordPlacement(times: PlacementTimes): void {
    this.#placement = times;
  }

  /** Counts an appliance once, when its service first answers. Time that it waited for a person (for its image, say) is included. */
  recordAppliance(report: ApplianceStatus, template: string, host: string): void {
    if (report.serviceState !== 'ServiceAvailable' || this.#counted.has(report.uuid)) return;
    this.#counted.add(report.uuid);
    this.#means = recordTime(this.#means, template, host, creationTimeOf(report));
  }

  expected(template: string, host: string): CreationTime | undefined {
    return expectedTime(this.#means, template, host);
  }

  /** The appliance is gone. */
  forget(uuid: string): void {
    this.#counted.delete(uuid);
  }

  /** The template is gone. */
  forgetTemplate(template: string): void {
    this.#means = new Map([...this.#means].filter(([known]) => known !== template));
  }
}

/** The host's creation queue limits how many appliances run the step `Start` at once; waiting for a turn is not in its seconds. */
export function creationTimeOf({ steps }: ApplianceStatus): CreationTime {
  const start = steps.findIndex(({ name }) => name === 'Start');
  const secondsOf = (part: ApplianceStatus['steps']) => part.reduce((sum, { seconds }) => sum + seconds, 0);
  return {
    leadSeconds: secondsOf(steps.slice(0, Math.max(start, 0))),
    turnSeconds: steps[start]?.seconds ?? 0,
    tailSeconds: secondsOf(steps.slice(start + 1)),
  };
}
