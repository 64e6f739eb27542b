import type { ServiceDeployment, Template, TemplateLabel, VirtualAppliance } from '../../src/api/kinds.ts';
import type { TakenName } from '../obstacles/tasks.ts';
import type { Differences } from './difference.ts';
import type { ServiceFacts } from './facts.ts';
import type { Plan } from './plan.ts';
import type { TaskRevisions } from './revisions.ts';
import type { UnobservedWrites } from './unobserved-writes.ts';

/** The state of one service, and what to do about it. */
export interface ServiceSurvey {
  readonly facts: ServiceFacts;
  readonly plan: Plan;
}

/** What a survey looks at. */
export interface SurveyInput {
  readonly deployment: ServiceDeployment;
  /** Those that the task controls. */
  readonly appliances: readonly VirtualAppliance[];
  readonly templates: readonly Template[];
  readonly labels: readonly TemplateLabel[];
  /** The templates that recalls of the task made. */
  readonly images: readonly Template[];
  /** The template with this key, namespace/name. */
  readonly templateOf: (key: string) => Template | undefined;
  /** How many connected hosts have the whole of a template. */
  readonly copiesOf: (template: Template) => number;
  readonly unobserved: UnobservedWrites;
  readonly differences: Differences;
  readonly revisions: TaskRevisions;
  /** Names that appliances outside the task have. */
  readonly taken: readonly TakenName[];
}
