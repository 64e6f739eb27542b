import { Counter, Gauge, Histogram, Registry } from '@prometheus-io/client';
import { own } from '../base/own.ts';
import { type ApplianceStatus, type HostStatus, SERVICE_STATES } from '../host/protocol.ts';

/** The metrics for Prometheus. Steps are counted as they end, everything else when it is scraped. */
export class HostMetrics {
  readonly #registry = new Registry();
  readonly #steps: Histogram<'step'>;
  /** Start of the last attempt that was counted, by appliance and step. */
  readonly #counted = new Map<string, Map<string, string>>();

  constructor(
    host: () => HostStatus | undefined,
    appliances: () => readonly ApplianceStatus[],
    counts: () => Readonly<Record<string, number>>,
  ) {
    this.#steps = new Histogram({
      name: 'coppice_host_step_seconds',
      help: 'How long steps of appliances took that succeeded.',
      labelNames: ['step'] as const,
      buckets: [0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300],
      registers: [this.#registry],
    });
    this.#addAppliances(appliances);
    this.#addHost(host);
    this.#addCounts(counts);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Counts the steps of an appliance that have ended since the last call. */
  observe({ uuid, steps }: ApplianceStatus): void {
    const counted = this.#counted.get(uuid) ?? new Map<string, string>();
    this.#counted.set(uuid, counted);
    for (const { name, state, startedAt, seconds } of steps) {
      if (state !== 'Done' || counted.get(name) === startedAt) continue;
      counted.set(name, startedAt);
      this.#steps.observe({ step: name }, seconds);
    }
  }

  forget(uuid: string): void {
    this.#counted.delete(uuid);
  }

  #addAppliances(appliances: () => readonly ApplianceStatus[]): void {
    const gauge = new Gauge({
      name: 'coppice_host_appliances',
      help: 'Appliances on this host by the state of their service.',
      labelNames: ['state'] as const,
      registers: [this.#registry],
      collect: () => {
        const list = appliances();
        for (const state of SERVICE_STATES) {
          gauge.set({ state }, list.filter(({ serviceState }) => serviceState === state).length);
        }
      },
    });
  }

  #addCounts(counts: () => Readonly<Record<string, number>>): void {
    for (const name of Object.keys(counts())) {
      const counter = new Counter({
        name: `coppice_host_${name}_total`,
        help: `How often the hypervisor's driver met this since the daemon's start: ${name.replaceAll('_', ' ')}.`,
        registers: [this.#registry],
        collect: () => {
          counter.reset();
          counter.inc(own(counts(), name) ?? 0);
        },
      });
    }
  }

  #addHost(host: () => HostStatus | undefined): void {
    const values: Record<string, { help: string; of: (status: HostStatus) => number }> = {
      capacity_cpu_cores: { help: 'CPUs offered.', of: ({ capacity }) => capacity.cpuMillis / 1000 },
      capacity_memory_bytes: { help: 'Memory offered.', of: ({ capacity }) => capacity.memoryBytes },
      used_cpu_cores: { help: 'CPUs in use, as measured.', of: ({ used }) => used.cpuMillis / 1000 },
      used_memory_bytes: { help: 'Memory in use, as measured.', of: ({ used }) => used.memoryBytes },
      used_disk_bytes: { help: 'Disk in use.', of: ({ used }) => used.diskBytes },
      creations_waiting: { help: 'VMs that wait to be created.', of: ({ queue }) => queue.waiting },
      creations_running: { help: 'VMs that are being created.', of: ({ queue }) => queue.running },
    };
    for (const [name, { help, of }] of Object.entries(values)) {
      const gauge = new Gauge({
        name: `coppice_host_${name}`,
        help,
        registers: [this.#registry],
        collect: () => {
          const status = host();
          if (status !== undefined) gauge.set(of(status));
        },
      });
    }
  }
}
