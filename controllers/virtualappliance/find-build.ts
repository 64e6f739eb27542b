import { keyOf } from '../../src/base/object.ts';
import { type BuildSteps, desiredBuildOf, isSameVersion, readInputs } from '../objects/build-inputs.ts';
import { parentKey, templateKeyOf } from '../objects/template-references.ts';
import { buildObstacles } from '../obstacles/builds.ts';
import { errorOf } from '../obstacles/obstacle.ts';
import { blocked, type PhaseResult, phaseDone, type Scope } from './scope.ts';

/** What an appliance builds is in the template that it names. */
export function findBuild(scope: Scope): PhaseResult {
  const { appliance, context } = scope;
  const { build } = appliance.spec;
  if (build === undefined) return phaseDone;
  const { namespace } = appliance.metadata;
  const key = keyOf({ namespace, name: build.template });
  const template = context.caches.templates.get(key);
  const steps: BuildSteps | undefined = template?.spec.source.build;
  if (template === undefined || steps === undefined) return blocked(buildObstacles.nothingToBuild(key));
  if (parentKey(template) !== templateKeyOf(appliance)) return blocked(buildObstacles.otherParent(key));
  scope.build = {
    read: async (signal) => {
      const inputs = await readInputs(context.client, namespace, steps, signal);
      const changed = inputs.find((input) => !isSameVersion(input, build.inputs ?? []));
      if (changed !== undefined) throw errorOf(buildObstacles.inputChanged(changed.what, keyOf(appliance)));
      return desiredBuildOf(steps, inputs);
    },
  };
  return phaseDone;
}
