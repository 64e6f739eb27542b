/** YAML as Go reads it (sigs.k8s.io/yaml): the first document, the last of equal keys, `yes` and `no` as booleans. */

import {
  EVENT_ALIAS,
  EVENT_DOCUMENT,
  EVENT_MAPPING,
  EVENT_POP,
  EVENT_SCALAR,
  type Event,
  getScalarValue,
  loadAll,
  parseEvents,
} from 'js-yaml';
import type { JsonValue } from '../types.ts';
import { GO_SCHEMA } from './yaml-schema.ts';

/** Text that is no YAML. The message is the parser's. */
export class YamlError extends Error {}

/** A document's value, and where keys of its maps occur again: `line 5: key "a" already set in map`. */
export interface YamlDocument {
  readonly value: JsonValue;
  readonly repeated: readonly string[];
}

/** Nested aliases grow exponentially when expanded; a body needs few, if any. */
const MAX_ALIASES = 10;

/** Reads the first document; an empty one is null. Throws YamlError. */
export function readYaml(text: string): YamlDocument {
  try {
    const [value = null] = loadAll(text, { maxAliases: MAX_ALIASES, schema: GO_SCHEMA, json: true });
    // Through JSON, so that nothing but JSON is left.
    return {
      value: JSON.parse(JSON.stringify(value, finite)) as JsonValue,
      repeated: new Repeats(text).find(),
    };
  } catch (error) {
    throw new YamlError(error instanceof Error ? error.message : String(error));
  }
}

function finite(_key: string, value: unknown): unknown {
  if (typeof value !== 'number' || Number.isFinite(value)) return value;
  throw new YamlError(`json: unsupported value: ${value}`);
}

/** Walks over the parser's events, node by node, and notes keys that their map has already: inner maps first, as Go does. */
class Repeats {
  readonly #text: string;
  readonly #events: readonly Event[];
  readonly #lineEnds: readonly number[];
  readonly #found: string[] = [];
  #next = 0;
  /** Where the last node began. */
  #offset = 0;

  constructor(text: string) {
    this.#text = text;
    this.#events = parseEvents(text, {});
    this.#lineEnds = [...text.matchAll(/\n/g)].map(({ index }) => index);
  }

  find(): readonly string[] {
    if (this.#events[this.#next++]?.type === EVENT_DOCUMENT) this.#node();
    return this.#found;
  }

  /** Passes one node; returns its text if it is a scalar. False at the end of a collection. */
  #node(): string | undefined | false {
    const event = this.#events[this.#next++];
    if (event === undefined || event.type === EVENT_POP) return false;
    if (event.type === EVENT_ALIAS) {
      this.#offset = event.anchorStart;
      return undefined;
    }
    if (event.type === EVENT_SCALAR) {
      if (event.valueStart >= 0) this.#offset = event.valueStart;
      return getScalarValue(this.#text, event);
    }
    if (event.type === EVENT_DOCUMENT) return undefined;
    this.#offset = event.start;
    if (event.type === EVENT_MAPPING) this.#mapping();
    else while (this.#node() !== false);
    return undefined;
  }

  #mapping(): void {
    const begins = this.#offset;
    const keys = new Set<string>();
    for (let key = this.#node(); key !== false; key = this.#node()) {
      const at = this.#startOfNext();
      this.#node();
      if (key === undefined) continue;
      if (keys.has(key)) {
        this.#found.push(`line ${this.#lineOf(at)}: key ${JSON.stringify(key)} already set in map`);
      }
      keys.add(key);
    }
    this.#offset = begins;
  }

  #startOfNext(): number {
    const event = this.#events[this.#next];
    if (event?.type === EVENT_SCALAR && event.valueStart >= 0) return event.valueStart;
    if (event?.type === EVENT_ALIAS) return event.anchorStart;
    return event !== undefined && 'start' in event ? event.start : this.#offset;
  }

  /** By halves: a body may have many lines, and many repeated keys. */
  #lineOf(offset: number): number {
    let [low, high] = [0, this.#lineEnds.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#lineEnds[middle] ?? 0) < offset) low = middle + 1;
      else high = middle;
    }
    return low + 1;
  }
}
