import { parseKey } from '../../src/base/object.ts';
import { type Explanation, type Obstacle, waiting } from './obstacle.ts';
import { REASON } from './reasons.ts';

/** How many objects a sentence names. */
const NAMED = 5;

function listed(keys: readonly string[]): string {
  const more = keys.length > NAMED ? ` and ${keys.length - NAMED} more` : '';
  return `${keys.slice(0, NAMED).join(', ')}${more}`;
}

/** What keeps TemplateLabels and TemplateFollows from being whole. Objects are named as namespace/name. */
export const labelObstacles = {
  /** One sentence for two cases, as of a task's template. @param namespace the label's */
  templatesMissing: (templates: readonly string[], namespace: string | undefined): Obstacle => {
    const isOwn = templates.every((key) => parseKey(key).namespace === namespace);
    const are = isOwn ? 'do not exist' : `do not exist, or are not shared with namespace ${namespace}`;
    return waiting(
      REASON.TemplateNotFound,
      `these templates of spec.templates ${are}: ${listed(templates)}; create them, or take them out of the label`,
    );
  },
  labelsMissing: (labels: readonly string[], user: string): Obstacle =>
    waiting(
      REASON.LabelNotFound,
      `these labels do not exist, or are not visible to ${user}: ${listed(labels)}; have their owners change spec.visibility, or ` +
        'unfollow them (coppice unfollow)',
    ),
};

/** How labels and follow objects are when nothing is missing. */
export const labelStates = {
  available: (templates: number): Explanation => ({
    reason: REASON.Available,
    message: templates === 0 ? 'no template has it yet' : `${templates} template(s) have it`,
  }),
  following: (labels: number): Explanation => ({
    reason: REASON.Available,
    message: `follows ${labels} label(s)`,
  }),
};
