import type { JsonSchema, KubeObject } from '../types.ts';

/** The fields of `CustomResourceDefinition` that the server reads. */
export interface CrdVersion {
  name: string;
  served: boolean;
  storage: boolean;
  deprecated?: boolean;
  deprecationWarning?: string;
  schema?: { openAPIV3Schema?: JsonSchema };
  subresources?: {
    status?: Record<string, never>;
    scale?: { specReplicasPath: string; statusReplicasPath: string; labelSelectorPath?: string };
  };
  additionalPrinterColumns?: {
    name: string;
    type: string;
    format?: string;
    description?: string;
    priority?: number;
    jsonPath: string;
  }[];
  selectableFields?: { jsonPath: string }[];
}

export interface CrdNames {
  plural: string;
  singular?: string;
  kind: string;
  listKind?: string;
  shortNames?: string[];
  categories?: string[];
}

export interface CrdCondition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
  lastTransitionTime: string;
}

export interface Conversion {
  strategy: string;
  webhook?: {
    clientConfig?: { url?: string; service?: object };
    conversionReviewVersions?: string[] | null;
  };
}

export interface CustomResourceDefinition extends KubeObject {
  spec: {
    group: string;
    scope: 'Namespaced' | 'Cluster';
    names: CrdNames;
    versions: CrdVersion[];
    preserveUnknownFields?: boolean;
    conversion?: Conversion;
  };
  status?: {
    conditions?: CrdCondition[] | null;
    acceptedNames?: CrdNames;
    storedVersions?: string[] | null;
  };
}
