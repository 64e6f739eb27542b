/**
 * The types of service deployment (SO-MVDS section 5): what a builder gets of a request D = (S, C, R, P), and the plan that it
 * returns. A builder is pure; the host daemon carries the plan out through the agent in the guest.
 */

/** S, the package, as far as a builder needs it; the content stays with the daemon. */
export type PackageFacts =
  | { readonly kind: 'none' }
  | { readonly kind: 'files'; readonly files: readonly PackageFile[]; readonly descriptor?: unknown }
  | {
      readonly kind: 'archive';
      readonly fileName: string;
      readonly sizeBytes: number;
      /** `file`: not unpacked, the file itself is the package. */
      readonly format: 'tar' | 'tar.gz' | 'zip' | 'file';
      /** Of an archive: what its entries take on a disk, or less. */
      readonly unpackedBytes?: number;
      /** The package's own `service.json`, parsed, when it has one at its top. */
      readonly descriptor?: unknown;
    };

interface PackageFile {
  /** Relative path within the package. */
  readonly name: string;
  readonly sizeBytes: number;
}

/** C, the container in the template. */
interface ContainerFacts {
  readonly type: string;
  readonly name?: string;
  /** Port in the guest. */
  readonly port: number;
  readonly scheme?: 'http' | 'https';
  readonly documentRoot?: string;
}

/** A probe as the user specifies it. The default port is the container's. */
type ProbeParameter =
  | { readonly kind: 'http'; readonly path: string; readonly port?: number }
  | { readonly kind: 'tcp'; readonly port?: number }
  | { readonly kind: 'exec'; readonly command: readonly string[] };

/** P, the parameters, as far as they concern the service; guest-config.ts has those for the guest. */
interface ServiceParameters {
  readonly serviceName?: string;
  /** Path below the container at which the service answers. */
  readonly path?: string;
  readonly command?: readonly string[];
  readonly probe?: ProbeParameter;
}

export interface ServiceRequest {
  /**
   * The service's name in the deployment. Paths in the guest contain it, because it does not depend on the package.
   */
  readonly serviceName: string;
  readonly package: PackageFacts;
  readonly container: ContainerFacts;
  readonly parameters: ServiceParameters;
}

/**
 * An action of the daemon in the guest. Every action may be repeated after a crash, with the same result.
 */
export type GuestAction =
  | {
      /** Run the program as root; every exit code but 0 is a failure. */
      readonly kind: 'exec';
      readonly title: string;
      readonly argv: readonly string[];
      readonly env?: Readonly<Record<string, string>>;
      readonly timeoutSeconds: number;
    }
  | {
      /**
       * Transfer a package of kind `archive`. With `unpack`, its entries go into the existing, empty directory `path`. Without,
       * the file itself is written as `path`, with the agent's default mode.
       */
      readonly kind: 'putPackage';
      readonly title: string;
      readonly path: string;
      readonly unpack?: 'tar' | 'tar.gz' | 'zip';
      /** What the unpacked entries take, where that is known. */
      readonly unpackedBytes?: number;
    }
  | {
      /**
       * Write the files of a package of kind `files` below the existing, empty directory, and make folders as needed. They get
       * the agent's default modes, with which perhaps only root can read them.
       */
      readonly kind: 'putFiles';
      readonly title: string;
      readonly directory: string;
    };

/** How to check that something answers. Ports are the guest's. */
export type Probe =
  | {
      readonly kind: 'http';
      readonly port: number;
      readonly path: string;
      readonly scheme: 'http' | 'https';
      readonly expectStatusBelow: number;
    }
  | { readonly kind: 'tcp'; readonly port: number }
  | { readonly kind: 'exec'; readonly argv: readonly string[]; readonly timeoutSeconds: number };

export interface ServicePlan {
  /**
   * The service's name: from P, else from the package's own description, else from its file's name, else from the deployment.
   */
  readonly name: string;
  /** Installs the package. Run in this order; after a failure all are run again. */
  readonly actions: readonly GuestAction[];
  readonly start: readonly GuestAction[];
  readonly stop: readonly GuestAction[];
  /** For a service whose program is started again whenever it ends: prints what `parseEndings` reads. */
  readonly endings?: Extract<GuestAction, { readonly kind: 'exec' }>;
  /** Holds from state ContainerReady on. */
  readonly containerProbe: Probe;
  /** Holds in state ServiceAvailable. */
  readonly serviceProbe: Probe;
  /** The path of the access point. */
  readonly accessPath: string;
}

/** One per type of container. Throws {@link ServiceRequestError} for a request that cannot be carried out. */
export type ServiceBuilder = (request: ServiceRequest) => ServicePlan;
