/** The states of a service in its VM, in the order they are reached (SO-MVDS section 5). */
export const SERVICE_STATES = ['VMUnavailable', 'VMReady', 'ContainerReady', 'ServiceAvailable'] as const;

/**
 * The steps of an appliance on its host, in their order. `Stop` stands alone, as the step of an appliance that shall not
 * run, or is the last of one that builds a template; `Build` and `Clean` are of such a one only. `Suspend` stands alone, too, and `Clock`
 * is of an appliance that goes on after that.
 */
export const STEP_NAMES = [
  'Layers',
  'Ports',
  'Resize',
  'Disk',
  'Seed',
  'Start',
  'Clone',
  'Agent',
  'Clock',
  'Network',
  'CloudInit',
  'Identity',
  'Grow',
  'Configure',
  'Container',
  'Package',
  'Install',
  'Service',
  'Build',
  'Clean',
  'Stop',
  'Suspend',
] as const;

/** How far an appliance is that builds a template: `Stopping`, and its guest is clean; `Built`, and its VM is off for good. */
export const BUILD_STATES = ['Building', 'Cleaning', 'Stopping', 'Built', 'Failed'] as const;
