import type { OperatorContext } from './context.ts';
import { createHostController } from './host/controller.ts';
import { createIPPoolController } from './ippool/controller.ts';
import { createIPLeaseController } from './ippool/orphans.ts';
import { createPlacementController } from './placement/controller.ts';
import { createServiceDeploymentController } from './servicedeployment/controller.ts';
import type { ControllerDefinition } from './sources.ts';
import { createTemplateController } from './template/controller.ts';
import { createVirtualApplianceController } from './virtualappliance/controller.ts';

/** Every controller of the operator. They share what the context holds and know nothing of each other. */
export function createControllers(context: OperatorContext): readonly ControllerDefinition[] {
  return [
    createHostController(context),
    createTemplateController(context),
    createServiceDeploymentController(context),
    createPlacementController(context),
    createVirtualApplianceController(context),
    createIPPoolController(context),
    createIPLeaseController(context),
  ];
}
