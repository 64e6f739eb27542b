import type { OperatorContext } from './context.ts';
import { createHostController } from './host/controller.ts';
import { createIPPoolController } from './ippool/controller.ts';
import { createIPLeaseController } from './ippool/lease-controller.ts';
import { createLayerCleanupController } from './layercleanup/controller.ts';
import { createPlacementController } from './placement/controller.ts';
import { createServiceDeploymentController } from './servicedeployment/controller.ts';
import type { ControllerDefinition } from './sources.ts';
import { createTemplateController } from './template/controller.ts';
import { createTemplateFactsController } from './templatefacts/controller.ts';
import { createTemplateLabelController } from './templatelabel/controller.ts';
import { createTemplateFollowController } from './templatelabel/follow-controller.ts';
import { createVirtualApplianceController } from './virtualappliance/controller.ts';

/** Every controller of the operator. They share the context and do not know each other: scripts/rooms.test.ts and the linter check that. */
export function createControllers(context: OperatorContext): readonly ControllerDefinition[] {
  return [
    createHostController(context),
    createTemplateController(context),
    createTemplateFactsController(context),
    createTemplateLabelController(context),
    createTemplateFollowController(context),
    createLayerCleanupController(context),
    createServiceDeploymentController(context),
    createPlacementController(context),
    createVirtualApplianceController(context),
    createIPPoolController(context),
    createIPLeaseController(context),
  ];
}
