/** The states of a service in its VM, in the order they are reached (SO-MVDS section 5). */
export const SERVICE_STATES = ['VMUnavailable', 'VMReady', 'ContainerReady', 'ServiceAvailable'] as const;

/** The steps of an appliance on its host, in their order. `Stop` stands alone: it is the step of an appliance that shall not run. */
export const STEP_NAMES = [
  'Layers',
  'Ports',
  'Resize',
  'Disk',
  'Seed',
  'Start',
  'Agent',
  'Network',
  'CloudInit',
  'Identity',
  'Grow',
  'Configure',
  'Container',
  'Package',
  'Install',
  'Service',
  'Stop',
] as const;
