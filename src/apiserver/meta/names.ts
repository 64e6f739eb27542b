/** Name rules of k8s.io/apimachinery: nothing when the name is good, else all that it must be. */

import { randomInt } from 'node:crypto';

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const STRICT_LABEL = '[a-z]([-a-z0-9]*[a-z0-9])?';
const STRICT_LABEL_PATTERN = new RegExp(`^${STRICT_LABEL}$`);
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const LABEL_PATTERN = new RegExp(`^${LABEL}$`);
const SUBDOMAIN_PATTERN = new RegExp(`^${SUBDOMAIN}$`);
const QUALIFIED = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const QUALIFIED_PATTERN = new RegExp(`^${QUALIFIED}$`);
const LABEL_VALUE_PATTERN = new RegExp(`^(${QUALIFIED})?$`);

/** Go counts bytes. Two functions of kube's say it in different words. */
function lengthProblems(text: string, most: number, unit: 'characters' | 'bytes'): string[] {
  return Buffer.byteLength(text) > most ? [`must be no more than ${most} ${unit}`] : [];
}

export function subdomainProblems(name: string, unit: 'characters' | 'bytes' = 'characters'): string[] {
  const rule = `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '${SUBDOMAIN}')`;
  return [...lengthProblems(name, 253, unit), ...(SUBDOMAIN_PATTERN.test(name) ? [] : [rule])];
}

export function labelProblems(name: string): string[] {
  const rule = `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '${LABEL}')`;
  const problem = SUBDOMAIN_PATTERN.test(name) ? 'must not contain dots' : rule;
  return [...lengthProblems(name, 63, 'characters'), ...(LABEL_PATTERN.test(name) ? [] : [problem])];
}

/** Names that must begin with a letter: versions of a kind. */
export function strictLabelProblems(name: string): string[] {
  const rule = `a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '${STRICT_LABEL}')`;
  return [...lengthProblems(name, 63, 'characters'), ...(STRICT_LABEL_PATTERN.test(name) ? [] : [rule])];
}

/** Why a label or annotation key, or a finalizer (`prefix/name` or `name`), is none: kube lists every reason. */
export function qualifiedNameProblems(value: string): string[] {
  const parts = value.split('/');
  const name = parts.at(-1) ?? '';
  const rule = `must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '${QUALIFIED}')`;
  if (parts.length > 2) {
    return [
      `a valid label key ${rule} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const prefix = parts.length === 2 ? (parts[0] ?? '') : undefined;
  const ofPrefix = prefix === '' ? ['must be non-empty'] : prefix && subdomainProblems(prefix, 'bytes');
  const ofName = name === '' ? ['must be non-empty'] : lengthProblems(name, 63, 'bytes');
  return [
    ...(ofPrefix || []).map((problem) => `prefix part ${problem}`),
    ...[...ofName, ...(QUALIFIED_PATTERN.test(name) ? [] : [rule])].map((problem) => `name part ${problem}`),
  ];
}

export function labelValueProblems(value: string): string[] {
  const rule = `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(${QUALIFIED})?')`;
  return [...lengthProblems(value, 63, 'bytes'), ...(LABEL_VALUE_PATTERN.test(value) ? [] : [rule])];
}

/** kube's characters for generated names: they form no words and are not easily confused. */
const NAME_CHARACTERS = 'bcdfghjklmnpqrstvwxz2456789';

/** Five random characters for the end of a generated name. */
export function nameSuffix(): string {
  return Array.from({ length: 5 }, () => NAME_CHARACTERS[randomInt(NAME_CHARACTERS.length)]).join('');
}
