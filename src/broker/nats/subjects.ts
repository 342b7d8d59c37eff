/** Subjects of NATS and the topics and keys of records: `odin.token.BTC.trade` is BTC in odin.trades. */
import { categories, categoryFacts, categoryOfTopic, isCategory } from '../../events/categories.ts';
import { globalTopic, isSymbol } from '../../events/channel.ts';

/** Where a record belongs. */
export interface RecordPlace {
  readonly topic: string;
  readonly key: string;
}

/** Last tokens that publishers of the seeds wrote for a category. */
const suffixAliases: Readonly<Record<string, string>> = { favorites: 'community' };

/** Translates both ways for one prefix; see `broker.nats.subjectPrefix`. */
export class Subjects {
  /** What the stream holds. */
  readonly all: readonly string[];
  readonly #prefix: string;
  readonly #token: string;
  readonly #global: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
    this.#token = `${prefix}.token.`;
    this.#global = `${prefix}.global.`;
    this.all = [`${this.#token}>`, `${this.#global}>`];
  }

  /** The subject of a record; undefined when the topic is not odin's or the key is no symbol. */
  of(topic: string, key: string): string | undefined {
    const category = categoryOfTopic(topic);
    if (category === undefined) return undefined;
    if (isSymbol(key)) return `${this.#token}${key}.${category}`;
    const name = key.startsWith('global.') ? key.slice('global.'.length) : '';
    return isSymbol(name) ? this.#global + name : undefined;
  }

  /** Where the only producers of a name tell each other that they are there; not in the stream. */
  ofProducer(name: string): string {
    return `${this.#prefix}.producer.${name.replace(/[^\w-]/g, '_')}`;
  }

  /**
   * Where a subject's records belong. One that odin does not use is its own topic: whoever takes
   * the record finds the topic unknown, and says so.
   */
  placeOf(subject: string): RecordPlace {
    if (subject.startsWith(this.#token)) {
      const dot = subject.indexOf('.', this.#token.length);
      const suffix = subject.slice(dot + 1);
      const category = suffixAliases[suffix] ?? suffix;
      if (dot > 0 && isCategory(category)) {
        const key = subject.slice(this.#token.length, dot);
        return { topic: categoryFacts[category].topic, key };
      }
    } else if (subject.startsWith(this.#global)) {
      const name = subject.slice(this.#global.length);
      if (isSymbol(name)) return { topic: globalTopic, key: `global.${name}` };
    }
    return { topic: subject, key: subject };
  }

  /** Whether records of this topic may be in the stream. */
  knows(topic: string): boolean {
    return categoryOfTopic(topic) !== undefined;
  }

  /**
   * One filter that lets every record of a topic through, and as few others as possible; servers
   * before 2.10 take no list of filters. Undefined when only the whole stream will do.
   */
  filterOf(topic: string): string | undefined {
    const category = categories.find((name) => categoryFacts[name].topic === topic);
    const isMixed = topic === globalTopic || Object.values(suffixAliases).includes(category ?? '');
    return category === undefined || isMixed ? undefined : `${this.#token}*.${category}`;
  }
}
