/** What each field is called in a file, in the environment and on the command line. */
import * as z from 'zod';
import { configSchema, type Section } from './schema.ts';

/** One field of the configuration, as flags, docs and error messages see it. */
export interface Field {
  readonly section: Section;
  /** `['server', 'port']` */
  readonly path: readonly string[];
  readonly env: string;
  /** Without the dashes. Secrets have none: a command line shows in `ps`. */
  readonly flag: string | undefined;
  /** `<n>`, `<duration>`, or empty for a toggle. */
  readonly value: string;
  /** What it belongs to in help, such as `Kafka`; undefined for the settings of the section itself. */
  readonly group: string | undefined;
  /** In human form; undefined when the field may stay unset. */
  readonly default: unknown;
  readonly description: string;
  readonly secret: boolean;
  /** Whether a running server takes a new value on. */
  readonly reloadable: boolean;
}

/** The part of a JSON Schema that matters here; it is the contract, not zod's internals. */
interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly enum?: readonly string[];
  readonly default?: unknown;
  readonly description?: string;
  readonly title?: string;
  readonly value?: string;
  readonly env?: string;
  readonly flag?: string;
  readonly secret?: boolean;
  readonly reloadable?: boolean;
}

let jsonSchema: SchemaNode | undefined;

/** The editor schema of `odin.yaml`, and the source of every name below. */
export function configJsonSchema(): SchemaNode {
  // Made once: it takes some ms, and is asked for at each name that is looked for.
  jsonSchema ??= z.toJSONSchema(configSchema, {
    io: 'input',
    unrepresentable: 'any',
  }) as SchemaNode;
  return jsonSchema;
}

/** All fields of the given sections, in the order of the schema. */
export function describeConfig(sections: readonly Section[]): Field[] {
  const root = configJsonSchema();
  return sections.flatMap((section) => walk(root.properties![section]!, [section]));
}

/** What the schema says about a whole section. */
export function describeSection(section: Section): string {
  return configJsonSchema().properties![section]!.description ?? '';
}

function walk(node: SchemaNode, path: readonly [Section, ...string[]], group?: string): Field[] {
  const groupHere = node.title ?? group;
  return Object.entries(node.properties ?? {}).flatMap(([key, child]): Field[] => {
    const here = [...path, key] as const;
    if (child.properties) return walk(child, here, groupHere);
    const secret = child.secret ?? false;
    return [
      {
        section: path[0],
        path: here,
        env: child.env ?? `ODIN_${here.map(words).join('_').replaceAll('-', '_').toUpperCase()}`,
        flag: secret ? undefined : (child.flag ?? here.slice(1).map(words).join('-')),
        value: child.enum ? `<${child.enum.join('|')}>` : (child.value ?? '<text>'),
        group: groupHere,
        default: child.default,
        description: child.description ?? '',
        secret,
        reloadable: child.reloadable ?? false,
      },
    ];
  });
}

/** `heartbeatMs` → `heartbeat`, `maxEventBytes` → `max-event-bytes`: durations carry their unit. */
function words(name: string): string {
  return name.replace(/Ms$/, '').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
