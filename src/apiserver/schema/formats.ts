/** The string formats that kube-apiserver checks; any other format is documentation only. */

import { isIPv4, isIPv6 } from 'node:net';
import { own } from '../../base/own.ts';
import { goRegExp } from './go-regexp.ts';

const UUID = goRegExp('(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$');
const UUID3 = goRegExp('(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?3[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$');
const UUID4 = goRegExp('(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$');
const UUID5 = goRegExp('(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?5[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$');
const HOSTNAME = goRegExp(
  '^([a-zA-Z0-9\\p{S}\\p{L}]((-?[a-zA-Z0-9\\p{S}\\p{L}]{0,62})?)|([a-zA-Z0-9\\p{S}\\p{L}](([a-zA-Z0-9\\-\\p{S}\\p{L}]{0,61}[a-zA-Z0-9\\p{S}\\p{L}])?)(\\.)){1,}([a-zA-Z\\p{L}]){2,63})$',
);
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$/;
const DURATION_PART = goRegExp('(\\d+)\\s*([A-Za-zµ]+)');
const GO_DURATION = goRegExp('^[-+]?(?:(?:\\d+\\.?\\d*|\\.\\d+)(?:ns|us|µs|μs|ms|s|m|h))+$');
const UNIT = /^(?:ns|nano.*|us|µs|micro.*|ms|milli.*|s|sec.*|m|min.*|h|hr|hour.*|d|day.*|w|wk|week.*)$/i;
const MAC =
  /^(?:[0-9a-f]{12}|[0-9a-f]{16}|[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}(?:[0-9a-f]{2}|(?:[0-9a-f]{2}\1){2}[0-9a-f]{2})|(?:[0-9a-f]{4}\.){2,3}[0-9a-f]{4})$/i;
const ATOM = "[\\w!#$%&'*+/=?^`{|}~\\x{80}-\\x{10ffff}-]+";
const ADDRESS = `(?:${ATOM}(?:\\.${ATOM})*|"(?:[^"\\\\]|\\\\.)+")@(?:${ATOM}(?:\\.${ATOM})*|\\[[^\\]\\s]+\\])`;
/** An address alone, or a name and an address in angle brackets. */
const EMAIL = goRegExp(`^\\s*(?:${ADDRESS}|[^<>@,;:]*<${ADDRESS}>)\\s*$`);
const RGB = /^rgb\(\s*(\d{1,3}%?)\s*,\s*(\d{1,3}%?)\s*,\s*(\d{1,3}%?)\s*\)$/;
const CREDIT_CARD =
  /^(?:4\d{12}(?:\d{3})?|5[1-5]\d{14}|6(?:011|5\d\d)\d{12}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|(?:2131|1800|35\d{3})\d{11})$/;

/** Checks by name without dashes, as kube normalises names. */
const CHECKS: Readonly<Record<string, (text: string) => boolean>> = {
  bsonobjectid: (text) => /^[0-9a-f]{24}$/i.test(text),
  byte: (text) => BASE64.test(text),
  cidr: isCidr,
  creditcard: (text) => CREDIT_CARD.test(text.replace(/\D/g, '')) && luhn(text.replace(/\D/g, '')),
  date: isDate,
  datetime: isDateTime,
  duration: isDuration,
  email: (text) => EMAIL.test(text),
  hexcolor: (text) => /^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/.test(text),
  hostname: (text) =>
    text.length <= 255 && HOSTNAME.test(text) && text.split('.').every((label) => label.length <= 63),
  ipv4: (text) => isIPv4(withoutLeadingZeros(text)) || (isIPv6(text) && text.includes('.')),
  ipv6: (text) => isIPv6(text) && !text.includes('%'),
  isbn: (text) => isIsbn10(text) || isIsbn13(text),
  isbn10: isIsbn10,
  isbn13: isIsbn13,
  k8slongname: (text) => text.length <= 253 && text.split('.').every((label) => isNamePart(label, 253)),
  k8sshortname: (text) => isNamePart(text, 63),
  mac: (text) => MAC.test(text),
  password: () => true,
  rgbcolor: (text) => RGB.test(text),
  ssn: (text) => /^\d{3}[- ]?\d{2}[- ]?\d{4}$/.test(text),
  uri: isRequestUri,
  uuid: (text) => UUID.test(text),
  uuid3: (text) => UUID3.test(text),
  uuid4: (text) => UUID4.test(text),
  uuid5: (text) => UUID5.test(text),
};

/** The check of a string format; undefined for formats that are not checked. */
export function formatCheck(format: string): ((text: string) => boolean) | undefined {
  const name = format.replaceAll('-', '');
  return own(CHECKS, name);
}

function withoutLeadingZeros(text: string): string {
  return text.replace(/(^|\.)0+(?=\d)/g, '$1');
}

function isCidr(text: string): boolean {
  const [address = '', prefix = '', ...rest] = text.split('/');
  if (rest.length > 0 || !/^\d{1,3}$/.test(prefix)) return false;
  if (isIPv4(withoutLeadingZeros(address))) return Number(prefix) <= 32;
  return isIPv6(address) && Number(prefix) <= 128;
}

function isDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

function isDateTime(text: string): boolean {
  const [date = '', time = ''] = text.toLowerCase().split('t');
  const match = /^(\d{2}):(\d{2}):(\d{2})(.\d+)?(z|([+-]\d{2}:\d{2}))$/.exec(time);
  if (match === null || !isDate(date)) return false;
  const [, hours = '', minutes = '', seconds = ''] = match;
  return hours <= '23' && minutes <= '59' && seconds <= '59';
}

/** Go's durations (`1h30m`) and Scala's (`2 days`); in the latter, text around the parts is ignored. */
function isDuration(text: string): boolean {
  if (text === '0' || GO_DURATION.test(text)) return true;
  return DURATION_PART.matchAll(text).some(([, , unit = '']) => UNIT.test(unit));
}

function isRequestUri(text: string): boolean {
  const control = [...text].some((char) => char < ' ' || char === '\u007f');
  return !control && /^(?:\/|[a-zA-Z][a-zA-Z0-9+.-]*:.)/.test(text) && !/^[^/]*:\/\/[^/?#]* /.test(text);
}

function isNamePart(text: string, limit: number): boolean {
  return text.length <= limit && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(text);
}

function isIsbn10(text: string): boolean {
  const digits = text.replace(/[\s-]+/g, '');
  if (!/^\d{9}[\dX]$/.test(digits)) return false;
  const sum = [...digits].reduce(
    (total, char, index) => total + (10 - index) * (char === 'X' ? 10 : Number(char)),
    0,
  );
  return sum % 11 === 0;
}

function isIsbn13(text: string): boolean {
  const digits = text.replace(/[\s-]+/g, '');
  if (!/^\d{13}$/.test(digits)) return false;
  const sum = [...digits].reduce((total, char, index) => total + (index % 2 === 0 ? 1 : 3) * Number(char), 0);
  return sum % 10 === 0;
}

function luhn(digits: string): boolean {
  const sum = [...digits].reverse().reduce((total, char, index) => {
    const value = Number(char) * (index % 2 === 0 ? 1 : 2);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}
