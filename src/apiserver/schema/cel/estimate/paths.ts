/** Where in the schema a part of a rule comes from. */

interface Shared {
  readonly names: string[];
  readonly capacity: number;
}

/**
 * A path: a variable, then fields, `@items`, `@keys` and `@values`. Paths that continue the same one share their names, so
 * that the later one writes over the earlier one's last name: so do Go's slices, and cel-go's estimates follow from it.
 */
export class Path {
  readonly #shared: Shared;
  readonly #length: number;

  private constructor(shared: Shared, length: number) {
    this.#shared = shared;
    this.#length = length;
  }

  static of(name: string): Path {
    return new Path({ names: [name], capacity: 1 }, 1);
  }

  /** Of a value without a path the name alone. */
  static append(path: Path | undefined, name: string): Path {
    return path === undefined ? Path.of(name) : path.#append(name);
  }

  #append(name: string): Path {
    const length = this.#length + 1;
    const { names, capacity } = this.#shared;
    if (this.#length < capacity) {
      names[this.#length] = name;
      return new Path(this.#shared, length);
    }
    return new Path({ names: [...this.names(), name], capacity: 2 * capacity }, length);
  }

  names(): readonly string[] {
    return this.#shared.names.slice(0, this.#length);
  }
}
