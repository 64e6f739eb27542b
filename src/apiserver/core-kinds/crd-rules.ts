/** Validation of what a definition says besides its schemas: names, columns, subresources and conversion. */

import { strictLabelProblems } from '../meta/names.ts';
import type { Conversion, CrdNames, CrdVersion, CustomResourceDefinition } from '../registry/definition.ts';
import type { FieldError } from '../types.ts';

const COLUMN_TYPES = ['boolean', 'date', 'integer', 'number', 'string'];
const COLUMN_FORMATS = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password'];
const REVIEW_VERSIONS = ['v1', 'v1beta1'];
const MAX_WARNING = 256;

function required(field: string, detail = ''): FieldError {
  return { type: 'Required', field, detail };
}

function invalid(field: string, value: unknown, detail: string): FieldError {
  return { type: 'Invalid', field, value, detail };
}

/** Errors of all of it; schemas and versions are checked elsewhere. */
export function definitionErrors(crd: CustomResourceDefinition): FieldError[] {
  const { versions, names, conversion } = crd.spec;
  return [
    ...(versions ?? []).flatMap((version, index) => warningErrors(version, `spec.versions[${index}]`)),
    ...shared(crd, 'subresources', ({ subresources }, path) => scaleErrors(subresources?.scale, path)),
    ...shared(crd, 'additionalPrinterColumns', ({ additionalPrinterColumns: columns = [] }, path) =>
      columns.flatMap((column, index) => columnErrors(column, `${path}[${index}]`)),
    ),
    ...shared(crd, 'selectableFields', selectionErrors),
    ...namesErrors(names, 'spec.names'),
    ...(conversion === undefined ? [] : conversionErrors(conversion, 'spec.conversion')),
    ...acceptedErrors(crd),
  ];
}

/** Errors of the names in the status. */
export function acceptedErrors({ status }: CustomResourceDefinition): FieldError[] {
  return namesErrors(status?.acceptedNames, 'status.acceptedNames');
}

/** kube reports what all versions have in common by the deprecated field of the spec. */
function shared(
  { spec: { versions } }: CustomResourceDefinition,
  field: keyof CrdVersion,
  check: (version: CrdVersion, path: string) => FieldError[],
): FieldError[] {
  const [first, ...others] = versions ?? [];
  if (first === undefined) return [];
  const same = others.every((version) => JSON.stringify(version[field]) === JSON.stringify(first[field]));
  if (same) return check(first, `spec.${field}`);
  return versions.flatMap((version, index) => check(version, `spec.versions[${index}].${field}`));
}

function warningErrors({ deprecated, deprecationWarning: text }: CrdVersion, path: string): FieldError[] {
  if (text === undefined) return [];
  const field = `${path}.deprecationWarning`;
  if (deprecated !== true) return [invalid(field, text, 'can only be set for deprecated versions')];
  if (text === '') return [invalid(field, text, 'must not be an empty string')];
  return text.length <= MAX_WARNING ? [] : [invalid(field, text, 'must be <= 256 characters long')];
}

function selectionErrors({ selectableFields = [], schema }: CrdVersion, path: string): FieldError[] {
  if (selectableFields.length > 0 && schema?.openAPIV3Schema === undefined) {
    return [invalid(path, '', 'may only be set when validations.schema is included')];
  }
  return selectableFields.flatMap(({ jsonPath }, index) =>
    jsonPath === '' ? [required(`${path}[${index}].jsonPath`)] : [],
  );
}

type Scale = NonNullable<CrdVersion['subresources']>['scale'];

function scaleErrors(scale: Scale, path: string): FieldError[] {
  if (scale === undefined) return [];
  const { specReplicasPath, statusReplicasPath, labelSelectorPath = '' } = scale;
  const under = (name: string, value: string, roots: readonly string[], where: string): FieldError[] => {
    const field = `${path}.scale.${name}`;
    if (!value.startsWith('.')) return [notSimple(field, value)];
    const detail = `should be a json path under ${where}`;
    return roots.some((root) => value.startsWith(root)) ? [] : [invalid(field, value, detail)];
  };
  return [
    ...(specReplicasPath === ''
      ? [required(`${path}.scale.specReplicasPath`)]
      : under('specReplicasPath', specReplicasPath, ['.spec.'], '.spec')),
    ...(statusReplicasPath === ''
      ? [required(`${path}.scale.statusReplicasPath`)]
      : under('statusReplicasPath', statusReplicasPath, ['.status.'], '.status')),
    ...(labelSelectorPath === ''
      ? []
      : under('labelSelectorPath', labelSelectorPath, ['.spec.', '.status.'], 'either .spec or .status')),
  ];
}

function notSimple(field: string, value: string): FieldError {
  return invalid(field, value, 'must be a simple json path starting with .');
}

type Column = NonNullable<CrdVersion['additionalPrinterColumns']>[number];

function columnErrors({ name, type, format = '', jsonPath }: Column, path: string): FieldError[] {
  const errors: FieldError[] = name === '' ? [required(`${path}.name`)] : [];
  const types = `must be one of ${COLUMN_TYPES.join(',')}`;
  if (type === '') errors.push(required(`${path}.type`, types));
  else if (!COLUMN_TYPES.includes(type)) errors.push(invalid(`${path}.type`, type, types));
  if (format !== '' && !COLUMN_FORMATS.includes(format)) {
    errors.push(invalid(`${path}.format`, format, `must be one of ${COLUMN_FORMATS.join(',')}`));
  }
  if (jsonPath === '') errors.push(required(`${path}.JSONPath`));
  else if (!jsonPath.startsWith('.')) errors.push(notSimple(`${path}.JSONPath`, jsonPath));
  return errors;
}

function namesErrors(names: CrdNames | undefined, path: string): FieldError[] {
  if (names === undefined) return [];
  const { plural, singular = '', kind, listKind = '', shortNames = [], categories = [] } = names;
  const check = (field: string, value: string, before = ''): FieldError[] => {
    const problems = strictLabelProblems(before === '' ? value : value.toLowerCase());
    return problems.length === 0
      ? []
      : [invalid(`${path}.${field}`, value, `${before}${problems.join(',')}`)];
  };
  const set = (field: string, value: string, before = ''): FieldError[] =>
    value === '' ? [] : check(field, value, before);
  const mixed = 'may have mixed case, but should otherwise match: ';
  const same = 'kind and listKind may not be the same';
  return [
    ...set('plural', plural),
    ...set('singular', singular),
    ...set('kind', kind, mixed),
    ...set('listKind', listKind, mixed),
    ...shortNames.flatMap((name, index) => check(`shortNames[${index}]`, name)),
    ...(kind !== '' && kind === listKind ? [invalid(`${path}.listKind`, listKind, same)] : []),
    ...categories.flatMap((name, index) => check(`categories[${index}]`, name)),
  ];
}

/** kube reports the webhook by the names that its fields had before. */
function conversionErrors({ strategy, webhook }: Conversion, path: string): FieldError[] {
  const [client, versions] = [webhook?.clientConfig, webhook?.conversionReviewVersions ?? []];
  const [clientAt, versionsAt] = [`${path}.webhookClientConfig`, `${path}.conversionReviewVersions`];
  if (strategy !== 'Webhook') {
    const detail = 'should not be set when strategy is not set to Webhook';
    const forbidden = (field: string): FieldError => ({ type: 'Forbidden', field, detail });
    return [
      ...strategyErrors(strategy, `${path}.strategy`),
      ...(client === undefined ? [] : [forbidden(clientAt)]),
      ...(versions.length === 0 ? [] : [forbidden(versionsAt)]),
    ];
  }
  const errors: FieldError[] = [];
  if (client === undefined) errors.push(required(clientAt, 'required when strategy is set to Webhook'));
  else if ((client.url === undefined) === (client.service === undefined)) {
    errors.push(required(clientAt, 'exactly one of url or service is required'));
  }
  if (versions.length === 0) errors.push(required(versionsAt));
  else if (!versions.some((version) => REVIEW_VERSIONS.includes(version))) {
    errors.push(invalid(versionsAt, versions, `must include at least one of ${REVIEW_VERSIONS.join(', ')}`));
  }
  return errors;
}

function strategyErrors(strategy: string, field: string): FieldError[] {
  if (strategy === '') return [required(field)];
  const detail = 'supported values: "None", "Webhook"';
  return strategy === 'None' ? [] : [{ type: 'NotSupported', field, value: strategy, detail }];
}
