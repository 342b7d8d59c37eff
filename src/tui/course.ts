/** Course: the last values of a figure, one per look; what was not known is undefined. */

/** Values that a course remembers: an hour of seconds. */
const maxCourse = 3_600;

/** A ring of numbers: it takes the memory of its limit at most. */
export class Course {
  readonly #limit: number;
  #values: (number | undefined)[] = [];
  #next = 0;

  constructor(limit = maxCourse) {
    this.#limit = limit;
  }

  push(value: number | undefined): void {
    if (this.#values.length < this.#limit) this.#values.push(value);
    else this.#values[this.#next] = value;
    this.#next = (this.#next + 1) % this.#limit;
  }

  /** The last `count`, oldest first; fewer when there are fewer. */
  last(count: number): (number | undefined)[] {
    const { length } = this.#values;
    const taken = Math.min(count, length);
    const end = length < this.#limit ? length : this.#next + length;
    const found: (number | undefined)[] = [];
    for (let at = end - taken; at < end; at++) found.push(this.#values[at % length]);
    return found;
  }
}
