import type { Firmware } from '../../domain/firmware.ts';
import type { XenGuest } from '../../host/protocol.ts';

/** Everything a driver needs to start one VM; the paths are absolute and the files exist. */
export type VmSpec = {
  readonly uuid: string;
  /** Unique on the host, safe as a domain name and as a file name: `<namespace>.<name>.<first 8 of uuid>`. */
  readonly domain: string;
  /** The appliance's own folder: the driver keeps the VM's configuration, sockets and console log in it. */
  readonly directory: string;
  readonly vcpus: number;
  readonly memoryBytes: number;
  readonly disk: VmDisk;
  /** A second disk, which the guest finds by the name `coppice-data`, or behind the first. */
  readonly dataDisk?: VmDisk;
  /** How both are connected, as far as the hypervisor has a choice; virtio unless given. */
  readonly diskBus?: 'virtio' | 'scsi';
  /** An image of a CD, which is in the VM's drive, and starts it if nothing on its disk does. */
  readonly cd?: string;
  /** A file that the guest has as a further, read-only disk, which cloud-init reads. */
  readonly seed?: string;
  readonly boot:
    | {
        readonly kind: 'firmware';
        /** A BIOS unless given. */
        readonly firmware?: Firmware;
      }
    | {
        readonly kind: 'direct';
        readonly kernel: string;
        readonly initrd?: string;
        readonly commandLine: string;
      };
  /** How a Xen domain is made for it; drivers of other hypervisors ignore this. */
  readonly xen?: XenGuest;
  readonly network: VmNetwork;
  /** Its memory can be saved: {@link Checkpoints}. Drivers without checkpoints ignore this. */
  readonly capturable?: true;
  /** Identities of the layers that the VM is made of; checkpoints go by them. One that is missing counts as the same everywhere. */
  readonly identities?: VmIdentities;
};

/** Those that all VMs of a template have in common: a restored VM's disk stands on the checkpoint's, and still has the template's here. */
export type VmIdentities = {
  readonly [part in 'disk' | 'dataDisk' | 'cd' | 'kernel' | 'initrd']?: string;
};

export type VmDisk = {
  readonly path: string;
  readonly format: 'qcow2';
  /**
   * The files of the layers that it stands on, the nearest first; none for a disk that stands alone. Unset: as its header says. A driver
   * that can name them to its hypervisor does not go by headers.
   */
  readonly layers?: readonly string[];
};

/** The VM's one network interface; an address on a bridge is set in the guest, not by the driver. */
export type VmNetwork =
  | {
      readonly mode: 'user';
      readonly mac: string;
      readonly forwards: readonly {
        readonly address: string;
        readonly hostPort: number;
        readonly guestPort: number;
      }[];
    }
  | {
      readonly mode: 'bridge';
      readonly mac: string;
      /** Name of the host's bridge that the interface becomes a port of. */
      readonly bridge: string;
    };
