import type { FieldError, FieldErrorType } from './types.ts';

interface Words {
  reason: string;
  /** How Go's `field.ErrorType.String()` names it. */
  title: string;
  /** Whether the value is part of the sentence. */
  showsValue: boolean;
}

const WORDS: Record<FieldErrorType, Words> = {
  Invalid: { reason: 'FieldValueInvalid', title: 'Invalid value', showsValue: true },
  TypeInvalid: { reason: 'FieldValueTypeInvalid', title: 'Invalid value', showsValue: true },
  Required: { reason: 'FieldValueRequired', title: 'Required value', showsValue: false },
  NotSupported: { reason: 'FieldValueNotSupported', title: 'Unsupported value', showsValue: true },
  Duplicate: { reason: 'FieldValueDuplicate', title: 'Duplicate value', showsValue: true },
  Forbidden: { reason: 'FieldValueForbidden', title: 'Forbidden', showsValue: false },
  TooLong: { reason: 'FieldValueTooLong', title: 'Too long', showsValue: false },
  TooMany: { reason: 'FieldValueTooMany', title: 'Too many', showsValue: true },
  NotFound: { reason: 'FieldValueNotFound', title: 'Not found', showsValue: true },
  InternalError: { reason: 'InternalError', title: 'Internal error', showsValue: false },
};

function printedValue(error: FieldError): string {
  if (error.valueText !== undefined) return error.valueText;
  return error.value === undefined ? '' : JSON.stringify(error.value);
}

/** Reason and message of one cause, e.g. `Invalid value: "x": must be …`; an empty value is left out. */
export function renderFieldError(error: FieldError): { reason: string; message: string } {
  const { reason, title, showsValue } = WORDS[error.type];
  const parts = [title, showsValue ? printedValue(error) : '', error.detail];
  return { reason, message: parts.filter((part) => part !== '').join(': ') };
}
