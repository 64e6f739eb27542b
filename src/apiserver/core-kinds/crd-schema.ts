import type { JsonSchema } from '../types.ts';
import { condition, flag, integer, keyedList, list, record, text } from './schemas.ts';

function opaque(description: string): JsonSchema {
  return { type: 'object', description, 'x-kubernetes-preserve-unknown-fields': true };
}

function namesSchema(description: string): JsonSchema {
  return record(
    {
      plural: text('plural is the plural name of the resource to serve.'),
      singular: text('singular is the singular name of the resource.'),
      kind: text('kind is the serialized kind of the resource.'),
      listKind: text('listKind is the serialized kind of the list for this resource.'),
      shortNames: list(
        text('A short name.'),
        'shortNames are short names for the resource, exposed in API discovery documents.',
      ),
      categories: list(
        text('A category.'),
        "categories is a list of grouped resources this custom resource belongs to (e.g. 'all').",
      ),
    },
    description,
  );
}

function subresourcesSchema(description: string): JsonSchema {
  const scale = record(
    {
      specReplicasPath: text('specReplicasPath is the JSON path of the replicas that are wanted.'),
      statusReplicasPath: text('statusReplicasPath is the JSON path of the replicas that there are.'),
      labelSelectorPath: text('labelSelectorPath is the JSON path of the selector of what is counted.'),
    },
    'scale indicates the custom resource should serve a `/scale` subresource.',
  );
  const status = record({}, 'status indicates the custom resource should serve a `/status` subresource.');
  return record({ status, scale }, description);
}

function columnSchema(): JsonSchema {
  return record(
    {
      name: text('name is a human readable name for the column.'),
      type: text('type is an OpenAPI type definition for this column.'),
      format: text('format is an optional OpenAPI type definition for this column.'),
      description: text('description is a human readable description of this column.'),
      priority: integer(
        'priority is an integer defining the relative importance of this column compared to others.',
      ),
      jsonPath: text(
        'jsonPath is a simple JSON path which is evaluated against each custom resource to produce the value for this column.',
      ),
    },
    'CustomResourceColumnDefinition specifies a column for server side printing.',
  );
}

function versionSchema(): JsonSchema {
  return record(
    {
      name: text('name is the version name, e.g. “v1”, “v2beta1”, etc.'),
      served: flag('served is a flag enabling/disabling this version from being served via REST APIs'),
      storage: flag(
        'storage indicates this version should be used when persisting custom resources to storage.',
      ),
      deprecated: flag('deprecated indicates this version of the custom resource API is deprecated.'),
      deprecationWarning: text('deprecationWarning overrides the default warning returned to API clients.'),
      schema: record(
        {
          openAPIV3Schema: opaque(
            'openAPIV3Schema is the OpenAPI v3 schema to use for validation and pruning.',
          ),
        },
        'schema describes the schema used for validation, pruning, and defaulting of this version of the custom resource.',
      ),
      subresources: subresourcesSchema(
        'subresources specify what subresources this version of the defined custom resource have.',
      ),
      additionalPrinterColumns: list(
        columnSchema(),
        'additionalPrinterColumns specifies additional columns returned in Table output.',
      ),
      selectableFields: list(
        record(
          {
            jsonPath: text(
              'jsonPath is a simple JSON path which is evaluated against each custom resource to produce a field selector value.',
            ),
          },
          'A field.',
        ),
        'selectableFields specifies paths to fields that may be used as field selectors.',
      ),
    },
    'CustomResourceDefinitionVersion describes a version for CRD.',
  );
}

function conversionSchema(): JsonSchema {
  const service = record(
    {
      namespace: text('namespace is the namespace of the service.'),
      name: text('name is the name of the service.'),
      path: text('path is an optional URL path at which the webhook will be contacted.'),
      port: integer('port is an optional service port at which the webhook will be contacted.'),
    },
    'service is a reference to the service for this webhook.',
  );
  const client = record(
    {
      url: text('url gives the location of the webhook.'),
      service,
      caBundle: {
        type: 'string',
        format: 'byte',
        description: "caBundle validates the webhook's certificate.",
      },
    },
    'clientConfig is the instructions for how to call the webhook if strategy is `Webhook`.',
  );
  const versions = list(
    text('A version.'),
    'conversionReviewVersions is an ordered list of preferred `ConversionReview` versions.',
  );
  return record(
    {
      strategy: text('strategy specifies how custom resources are converted between versions.'),
      webhook: record(
        { clientConfig: client, conversionReviewVersions: versions },
        'webhook describes how to call the conversion webhook.',
      ),
    },
    'conversion defines conversion settings for the CRD.',
  );
}

function specSchema(): JsonSchema {
  return record(
    {
      group: text('group is the API group of the defined custom resource.'),
      names: namesSchema('names specify the resource and kind names for the custom resource.'),
      scope: text('scope indicates whether the defined custom resource is cluster- or namespace-scoped.'),
      versions: list(
        versionSchema(),
        'versions is the list of all API versions of the defined custom resource.',
      ),
      conversion: conversionSchema(),
      preserveUnknownFields: flag(
        'preserveUnknownFields indicates that object fields which are not specified in the OpenAPI schema should be preserved when persisting to storage.',
      ),
    },
    'spec describes how the user wants the resources to appear',
  );
}

function statusSchema(): JsonSchema {
  return record(
    {
      // Go writes an unset list as null.
      conditions: {
        ...keyedList(
          condition(),
          ['type'],
          'conditions indicate state for particular aspects of a CustomResourceDefinition',
        ),
        nullable: true,
      },
      acceptedNames: namesSchema(
        'acceptedNames are the names that are actually being used to serve discovery.',
      ),
      storedVersions: {
        ...list(
          text('A version.'),
          'storedVersions lists all versions of CustomResources that were ever persisted.',
        ),
        nullable: true,
      },
      observedGeneration: {
        type: 'integer',
        format: 'int64',
        description: 'The generation observed.',
      },
    },
    'status indicates the actual state of the CustomResourceDefinition',
  );
}

/** Schema of CustomResourceDefinition; the schemas inside a definition are compiled, not described here. */
export function definitionSchema(): JsonSchema {
  const description =
    'CustomResourceDefinition represents a resource that should be exposed on the API server.';
  return { ...record({ spec: specSchema(), status: statusSchema() }, description), required: ['spec'] };
}
