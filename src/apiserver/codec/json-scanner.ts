/**
 * Checks JSON as Go's encoding/json does, for two things that JSON.parse does not provide: Go's messages for malformed
 * text, which clients and people know, and duplicate fields.
 */

class JsonSyntaxError extends Error {}

/**
 * Maximum nesting depth. Go allows ten times as many levels, but no real manifest comes near, and recursive walks over
 * values must not overflow JavaScript's smaller stack.
 */
const MAX_DEPTH = 1000;

const NUMBER = /-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?/y;
const LITERALS = ['true', 'false', 'null'];

class JsonScanner {
  readonly #text: string;
  #position = 0;
  #depth = 0;
  readonly duplicates: string[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  document(): void {
    this.#value('');
    this.#space();
    if (this.#position < this.#text.length) throw this.#unexpected('after top-level value');
  }

  #value(path: string): void {
    this.#space();
    const character = this.#text[this.#position];
    const literal = LITERALS.find((word) => word[0] === character);
    if (character === '{' || character === '[') this.#nested(character, path);
    else if (character === '"') this.#string();
    else if (literal !== undefined) this.#literal(literal);
    else if (character !== undefined && /[-0-9]/.test(character)) this.#number();
    else throw this.#unexpected('looking for beginning of value');
  }

  #nested(opening: '{' | '[', path: string): void {
    if (this.#depth === MAX_DEPTH) throw new JsonSyntaxError('exceeded max depth');
    this.#depth++;
    if (opening === '{') this.#object(path);
    else this.#array(path);
    this.#depth--;
  }

  #object(path: string): void {
    this.#position++;
    this.#space();
    if (this.#accept('}')) return;
    const seen = new Set<string>();
    for (;;) {
      this.#space();
      if (this.#text[this.#position] !== '"')
        throw this.#unexpected('looking for beginning of object key string');
      const key = this.#string();
      const field = path === '' ? key : `${path}.${key}`;
      if (seen.has(key)) this.duplicates.push(field);
      seen.add(key);
      this.#space();
      if (!this.#accept(':')) throw this.#unexpected('after object key');
      this.#value(field);
      this.#space();
      if (this.#accept('}')) return;
      if (!this.#accept(',')) throw this.#unexpected('after object key:value pair');
    }
  }

  #array(path: string): void {
    this.#position++;
    this.#space();
    if (this.#accept(']')) return;
    for (let index = 0; ; index++) {
      this.#value(`${path}[${index}]`);
      this.#space();
      if (this.#accept(']')) return;
      if (!this.#accept(',')) throw this.#unexpected('after array element');
    }
  }

  #string(): string {
    const start = this.#position++;
    let escapes = false;
    for (;;) {
      const character = this.#text[this.#position];
      if (character === undefined || character < ' ') throw this.#unexpected('in string literal');
      this.#position++;
      if (character === '"') break;
      if (character !== '\\') continue;
      escapes = true;
      this.#escape();
    }
    if (!escapes) return this.#text.slice(start + 1, this.#position - 1);
    return JSON.parse(this.#text.slice(start, this.#position)) as string;
  }

  #escape(): void {
    const character = this.#text[this.#position] ?? '';
    if (character === '' || !'"\\/bfnrtu'.includes(character))
      throw this.#unexpected('in string escape code');
    this.#position++;
    if (character !== 'u') return;
    for (let digit = 0; digit < 4; digit++) {
      if (!/[0-9a-fA-F]/.test(this.#text[this.#position] ?? '')) {
        throw this.#unexpected('in \\u hexadecimal character escape');
      }
      this.#position++;
    }
  }

  #literal(word: string): void {
    for (const expected of word) {
      if (this.#text[this.#position] !== expected) {
        throw this.#unexpected(`in literal ${word} (expecting '${expected}')`);
      }
      this.#position++;
    }
  }

  #number(): void {
    NUMBER.lastIndex = this.#position;
    const found = NUMBER.exec(this.#text);
    if (found === null) {
      // Only a minus sign without digits gets here.
      this.#position++;
      throw this.#unexpected('in numeric literal');
    }
    this.#position += found[0].length;
  }

  #space(): void {
    while (' \t\r\n'.includes(this.#text[this.#position] ?? 'x')) this.#position++;
  }

  #accept(character: string): boolean {
    if (this.#text[this.#position] !== character) return false;
    this.#position++;
    return true;
  }

  #unexpected(where: string): JsonSyntaxError {
    const character = this.#text[this.#position];
    if (character === undefined) return new JsonSyntaxError('unexpected end of JSON input');
    const shown = character === "'" ? "'\\''" : character === '"' ? `'"'` : `'${character}'`;
    return new JsonSyntaxError(`invalid character ${shown} ${where}`);
  }
}

/** What is to be said of a JSON text: why it is none, in Go's words, or the paths of fields that occur more than once. */
export type Scanned =
  | { readonly problem: string }
  | { readonly problem: undefined; readonly duplicates: string[] };

/** Goes through a text once. */
export function scanJson(text: string): Scanned {
  const scanner = new JsonScanner(text);
  try {
    scanner.document();
  } catch (error) {
    if (error instanceof JsonSyntaxError) return { problem: error.message };
    throw error;
  }
  return { problem: undefined, duplicates: [...new Set(scanner.duplicates)] };
}
