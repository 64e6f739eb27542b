/** The Go structs of CustomResourceDefinition, as k8s.io/apiextensions-apiserver declares them. It is stored as JSON. */

import { fieldsOf, type GoStruct, type GoType, listOf, mapOf, pointer, texts } from '../codec/go-types.ts';
import { kindStruct } from './structs.ts';

const TEXTS = listOf('string');

const RULE: GoStruct = {
  name: 'ValidationRule',
  fields: {
    ...texts('rule', 'message', 'messageExpression'),
    reason: pointer({ named: 'v1.FieldValueErrorReason' }),
    fieldPath: 'string',
    optionalOldSelf: pointer('bool'),
  },
  always: ['rule'],
};

const SCHEMA: GoStruct = {
  name: 'JSONSchemaProps',
  get fields() {
    return SCHEMA_FIELDS;
  },
};

const SCHEMAS = listOf(SCHEMA);
const SCHEMA_OR_BOOL: GoType = {
  choice: { object: SCHEMA, takesBool: true, refusal: 'boolean or JSON schema expected' },
};

const SCHEMA_FIELDS: Readonly<Record<string, GoType>> = {
  id: 'string',
  $schema: { named: 'v1.JSONSchemaURL' },
  $ref: pointer('string'),
  ...texts('description', 'type', 'format', 'title'),
  default: 'json',
  maximum: pointer('float64'),
  exclusiveMaximum: 'bool',
  minimum: pointer('float64'),
  exclusiveMinimum: 'bool',
  ...fieldsOf(pointer('int64'), 'maxLength', 'minLength'),
  pattern: 'string',
  ...fieldsOf(pointer('int64'), 'maxItems', 'minItems'),
  uniqueItems: 'bool',
  multipleOf: pointer('float64'),
  enum: listOf('json'),
  ...fieldsOf(pointer('int64'), 'maxProperties', 'minProperties'),
  required: TEXTS,
  items: { choice: { object: SCHEMA, array: SCHEMAS } },
  ...fieldsOf(SCHEMAS, 'allOf', 'oneOf', 'anyOf'),
  not: pointer(SCHEMA),
  properties: mapOf(SCHEMA),
  additionalProperties: SCHEMA_OR_BOOL,
  patternProperties: mapOf(SCHEMA),
  dependencies: { map: { choice: { object: SCHEMA, array: TEXTS } }, name: 'JSONSchemaDependencies' },
  additionalItems: SCHEMA_OR_BOOL,
  definitions: { map: SCHEMA, name: 'JSONSchemaDefinitions' },
  externalDocs: pointer({ name: 'ExternalDocumentation', fields: texts('description', 'url') }),
  example: 'json',
  nullable: 'bool',
  'x-kubernetes-preserve-unknown-fields': pointer('bool'),
  ...fieldsOf('bool', 'x-kubernetes-embedded-resource', 'x-kubernetes-int-or-string'),
  'x-kubernetes-list-map-keys': TEXTS,
  ...fieldsOf(pointer('string'), 'x-kubernetes-list-type', 'x-kubernetes-map-type'),
  'x-kubernetes-validations': { list: RULE, name: 'ValidationRules' },
};

const CLIENT_CONFIG: GoStruct = {
  name: 'WebhookClientConfig',
  fields: {
    url: pointer('string'),
    service: pointer({
      name: 'ServiceReference',
      fields: { ...texts('namespace', 'name'), path: pointer('string'), port: pointer('int32') },
      always: ['namespace', 'name'],
    }),
    caBundle: 'bytes',
  },
};

const CONVERSION: GoStruct = {
  name: 'CustomResourceConversion',
  fields: {
    strategy: { named: 'v1.ConversionStrategyType' },
    webhook: pointer({
      name: 'WebhookConversion',
      fields: { clientConfig: pointer(CLIENT_CONFIG), conversionReviewVersions: TEXTS },
      always: ['conversionReviewVersions'],
    }),
  },
  always: ['strategy'],
};

const COLUMN: GoStruct = {
  name: 'CustomResourceColumnDefinition',
  fields: { ...texts('name', 'type', 'format', 'description'), priority: 'int32', jsonPath: 'string' },
  always: ['name', 'type', 'jsonPath'],
};

const SCALE: GoStruct = {
  name: 'CustomResourceSubresourceScale',
  fields: { ...texts('specReplicasPath', 'statusReplicasPath'), labelSelectorPath: pointer('string') },
  always: ['specReplicasPath', 'statusReplicasPath'],
};

const VERSION: GoStruct = {
  name: 'CustomResourceDefinitionVersion',
  fields: {
    name: 'string',
    ...fieldsOf('bool', 'served', 'storage', 'deprecated'),
    deprecationWarning: pointer('string'),
    schema: pointer({ name: 'CustomResourceValidation', fields: { openAPIV3Schema: pointer(SCHEMA) } }),
    subresources: pointer({
      name: 'CustomResourceSubresources',
      fields: {
        status: pointer({ name: 'CustomResourceSubresourceStatus', fields: {} }),
        scale: pointer(SCALE),
      },
    }),
    additionalPrinterColumns: listOf(COLUMN),
    selectableFields: listOf({ name: 'SelectableField', fields: texts('jsonPath'), always: ['jsonPath'] }),
  },
  always: ['name', 'served', 'storage'],
};

const NAMES: GoStruct = {
  name: 'CustomResourceDefinitionNames',
  fields: {
    ...texts('plural', 'singular'),
    shortNames: TEXTS,
    ...texts('kind', 'listKind'),
    categories: TEXTS,
  },
  always: ['plural', 'kind'],
};

const CONDITION: GoStruct = {
  name: 'CustomResourceDefinitionCondition',
  fields: {
    type: { named: 'v1.CustomResourceDefinitionConditionType' },
    status: { named: 'v1.ConditionStatus' },
    lastTransitionTime: 'time',
    ...texts('reason', 'message'),
    observedGeneration: 'int64',
  },
  always: ['type', 'status'],
};

export const DEFINITION = kindStruct('CustomResourceDefinition', {
  spec: {
    name: 'CustomResourceDefinitionSpec',
    fields: {
      group: 'string',
      names: NAMES,
      scope: { named: 'v1.ResourceScope' },
      versions: listOf(VERSION),
      conversion: pointer(CONVERSION),
      preserveUnknownFields: 'bool',
    },
    always: ['group', 'scope', 'versions'],
  },
  status: {
    name: 'CustomResourceDefinitionStatus',
    fields: {
      conditions: listOf(CONDITION),
      acceptedNames: NAMES,
      storedVersions: TEXTS,
      observedGeneration: 'int64',
    },
    always: ['conditions', 'storedVersions'],
  },
});
