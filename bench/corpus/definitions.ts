import { identifier, tokenize } from '../../src/sql/text.js';

/** What a script defines, and the rows that it inserts, in order. */
interface Definition {
  readonly text: string;
  /** What it makes; null where it changes something else, or adds rows. */
  readonly makes: string | null;
  /** Names that stand in it. */
  readonly names: ReadonlySet<string>;
  readonly kind: 'definition' | 'rows';
}

/** Statements that add rows to a table that are kept for it. */
const MOST_INSERTS = 8;
/** A statement whose definitions come to more than this is left out: setting them up costs more than it tells. */
const MOST_DEFINITIONS = 60;

/** The definitions that are in force at a place of a script, and which of them a statement needs. */
export class Definitions {
  #all: Definition[] = [];
  readonly #inserts = new Map<string, number>();

  /** A definition, or an INSERT, that the server has carried out. */
  add(text: string): void {
    const words = tokenize(text).filter((token) => token.kind === 'word' || token.kind === 'quoted');
    const names = namesIn(text);
    const verb = words[0]?.text ?? '';
    if (verb === 'drop') {
      const dropped = new Set(words.slice(2).map(identifier));
      this.#all = this.#all.filter(({ makes }) => makes === null || !dropped.has(makes));
      return;
    }
    if (verb === 'insert') {
      const table = identifier(words[2]!);
      const count = this.#inserts.get(table) ?? 0;
      this.#inserts.set(table, count + 1);
      if (count < MOST_INSERTS) this.#all.push({ text, makes: null, names, kind: 'rows' });
      return;
    }
    const makes = verb === 'create' ? madeBy(words.map(identifier)) : null;
    // A new one of the same name takes the old one's place.
    if (makes !== null) this.#all = this.#all.filter((other) => other.makes !== makes);
    this.#all.push({ text, makes, names, kind: 'definition' });
  }

  /** What a statement is about, in the order of the script; null where that is too much. */
  neededBy(text: string): readonly string[] | null {
    const wanted = new Set(namesIn(text));
    const chosen = new Set<Definition>();
    for (let before = -1; before !== chosen.size; ) {
      before = chosen.size;
      for (const definition of this.#all) {
        if (chosen.has(definition)) continue;
        const isWanted = definition.makes !== null && wanted.has(definition.makes);
        // What changes a table, or puts rows into it, belongs to it. It must not bring others in but those that it needs.
        const belongs = definition.makes === null && this.#subject(definition, chosen);
        if (!isWanted && !belongs) continue;
        chosen.add(definition);
        for (const name of definition.names) wanted.add(name);
      }
    }
    return chosen.size > MOST_DEFINITIONS ? null : this.#all.filter((definition) => chosen.has(definition)).map((item) => item.text);
  }

  #subject({ text }: Definition, chosen: ReadonlySet<Definition>): boolean {
    const subject =
      /^\s*(?:insert\s+into|alter\s+\w+(?:\s+only)?|comment\s+on\s+\w+|create\s+(?:unique\s+)?index\b.*?\bon)\s+(?:only\s+)?"?([\w.]+)"?/is.exec(
        text,
      );
    const name = subject?.[1]?.toLowerCase();
    return [...chosen].some(({ makes }) => makes !== null && makes === name);
  }
}

const namesIn = (text: string): Set<string> =>
  new Set(
    tokenize(text).flatMap((token) => {
      if (token.kind === 'word' || token.kind === 'quoted') return [identifier(token)];
      return token.kind === 'string' ? [...namesIn(token.text.replace(/^\$\w*\$|\$\w*\$$|^'|'$/g, '').replaceAll(token.text, ''))] : [];
    }),
  );

const KINDS = new Set([
  'table',
  'view',
  'type',
  'domain',
  'function',
  'procedure',
  'sequence',
  'schema',
  'collation',
  'aggregate',
  'trigger',
  'operator',
  'cast',
  'rule',
  'policy',
  'extension',
]);

/** What a CREATE makes. Indexes, triggers and rules belong to a table instead. */
function madeBy(words: readonly string[]): string | null {
  const at = words.findIndex((word, index) => index > 0 && (KINDS.has(word) || word === 'index'));
  const kind = words[at];
  if (kind === undefined || kind === 'index' || kind === 'trigger' || kind === 'rule' || kind === 'policy') return null;
  const rest = words.slice(at + 1).filter((word) => !['if', 'not', 'exists'].includes(word));
  return rest[0] ?? null;
}

/** Whether a statement defines something that stays in the database, and is not about the server as a whole. */
export function isDefinition(text: string): boolean {
  const [verb = '', ...rest] = tokenize(text).flatMap((token) => (token.kind === 'word' ? [token.text] : []));
  if (verb === 'insert') return true;
  if (!['create', 'alter', 'drop', 'comment'].includes(verb)) return false;
  return !rest.some((word) => FOREIGN.has(word)) && rest.some((word) => KINDS.has(word) || word === 'index');
}

const FOREIGN = new Set(
  'temp temporary role user group database tablespace subscription publication server system foreign language concurrently'.split(' '),
);
