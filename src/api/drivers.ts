/** What Coppice's own programs, charts and definitions have to know of a driver without loading it. */
interface DriverFacts {
  /** For people who choose one: what it runs, and what the host must have. */
  readonly summary: string;
  /** Whether `coppice up` and `coppice demo` offer it: its daemon runs as the user's own process. */
  readonly isLocal: boolean;
  /** Whether the chart offers it: its daemon runs in a pod. */
  readonly isInPod: boolean;
  /** Whether its VMs are real: they fetch what their service needs, and answer over the network. */
  readonly isReal: boolean;
  /** The bridge of its VMs where the host names none; unset: those that need one are not placed there. */
  readonly defaultBridge?: string;
}

/**
 * Every driver, one row each; a newcomer's choice comes first. The command line, `HostdConfig`, the chart's values and the text of
 * `crds/hosts.yaml` follow from it (`npm run generate`); `src/main/driver-factories.ts` says how each is made.
 */
export const DRIVERS = {
  qemu: {
    summary: 'QEMU, with KVM where the host has it',
    isLocal: true,
    isInPod: true,
    isReal: true,
  },
  xen: {
    summary: "Xen's xl, in dom0 as root",
    isLocal: false,
    isInPod: false,
    isReal: true,
  },
  simulated: {
    summary: 'no VMs, only the time that they would take',
    isLocal: true,
    isInPod: true,
    isReal: false,
    defaultBridge: 'simulated',
  },
} as const satisfies Readonly<Record<string, DriverFacts>>;

export type DriverName = keyof typeof DRIVERS;
/** The drivers that a local Coppice can have. */
export type LocalDriverName = {
  [Name in DriverName]: (typeof DRIVERS)[Name]['isLocal'] extends true ? Name : never;
}[DriverName];

/** The names of the drivers for which this holds; all of them without it. In the table's order. */
export function driverNames(fact?: 'isLocal' | 'isInPod'): readonly DriverName[] {
  const names = Object.keys(DRIVERS) as DriverName[];
  return fact === undefined ? names : names.filter((name) => DRIVERS[name][fact]);
}

export function driverFacts(name: DriverName): DriverFacts {
  return DRIVERS[name];
}
