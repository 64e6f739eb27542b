/** `format.dns1123Label().validate(…)`: Kubernetes' named formats in CEL. */

import { type Environment, Optional } from '@marcbachmann/cel-js';
import { own } from '../../../base/own.ts';
import { formatCheck } from '../formats.ts';

class FormatNamespace {}

class NamedFormat {
  readonly name: string;
  readonly errors: (text: string) => string[];

  constructor(name: string, errors: (text: string) => string[]) {
    this.name = name;
    this.errors = errors;
  }

  equals(other: unknown): boolean {
    return other instanceof NamedFormat && other.name === this.name;
  }
}

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const LABEL_TEXT =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN_TEXT =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const DNS1035_TEXT =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const QUALIFIED_TEXT =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const VALUE_TEXT =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

function patterned(pattern: RegExp, limit: number, message: string): (text: string) => string[] {
  return (text) => [
    ...(text.length > limit ? [`must be no more than ${limit} bytes`] : []),
    ...(pattern.test(text) ? [] : [message]),
  ];
}

const dnsLabel = patterned(new RegExp(`^${LABEL}$`), 63, LABEL_TEXT);
const dnsSubdomain = patterned(new RegExp(`^${LABEL}(\\.${LABEL})*$`), 253, SUBDOMAIN_TEXT);
const dns1035 = patterned(/^[a-z]([-a-z0-9]*[a-z0-9])?$/, 63, DNS1035_TEXT);
const qualifiedPart = patterned(/^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/, 63, QUALIFIED_TEXT);

function qualifiedName(text: string): string[] {
  const [first = '', second, ...rest] = text.split('/');
  if (rest.length > 0) return [`a qualified name ${QUALIFIED_TEXT.slice('name part '.length)}`];
  if (second === undefined) return qualifiedPart(first);
  return [...dnsSubdomain(first).map((error) => `prefix part ${error}`), ...qualifiedPart(second)];
}

/** A prefix may end in a dash, as more text follows it. */
function prefix(check: (text: string) => string[]): (text: string) => string[] {
  return (text) => check(text.endsWith('-') ? `${text.slice(0, -1)}a` : text);
}

function byFormat(name: string, message: string): (text: string) => string[] {
  return (text) => (formatCheck(name)?.(text) === true ? [] : [message]);
}

const FORMATS: Readonly<Record<string, (text: string) => string[]>> = {
  dns1123Label: dnsLabel,
  dns1123Subdomain: dnsSubdomain,
  dns1035Label: dns1035,
  qualifiedName,
  dns1123LabelPrefix: prefix(dnsLabel),
  dns1123SubdomainPrefix: prefix(dnsSubdomain),
  dns1035LabelPrefix: prefix(dns1035),
  labelValue: patterned(/^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/, 63, VALUE_TEXT),
  uri: byFormat('uri', 'invalid URI for request'),
  uuid: byFormat('uuid', 'does not match the UUID format'),
  byte: byFormat('byte', 'invalid base64'),
  date: byFormat('date', 'invalid date'),
  datetime: byFormat('date-time', 'invalid datetime'),
};

/** Registers `format.<name>()`, `format.named(name)` and `validate`. */
export function registerFormat(environment: Environment): void {
  const F = 'kubernetes.NamedFormat';
  environment
    .registerType('FormatNamespace', { ctor: FormatNamespace, fields: {} })
    .registerType(F, { ctor: NamedFormat, fields: {} })
    .registerOperator(`${F} == ${F}`, (a: NamedFormat, b: NamedFormat) => a.equals(b))
    .registerConstant('format', 'FormatNamespace', new FormatNamespace())
    .registerFunction(`${F}.validate(string): optional<list<string>>`, (named: NamedFormat, text: string) => {
      const errors = named.errors(text);
      return errors.length === 0 ? Optional.none() : Optional.of(errors);
    })
    .registerFunction(`FormatNamespace.named(string): optional<${F}>`, (_: unknown, name: string) => {
      const check = own(FORMATS, name);
      return check === undefined ? Optional.none() : Optional.of(new NamedFormat(name, check));
    });
  for (const [name, check] of Object.entries(FORMATS)) {
    environment.registerFunction(`FormatNamespace.${name}(): ${F}`, () => new NamedFormat(name, check));
  }
}
