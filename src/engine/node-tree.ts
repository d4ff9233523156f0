/** A node of PostgreSQL's own trees, as `pg_node_tree` writes it (outfuncs.c). */
export interface Node {
  readonly kind: string;
  readonly fields: ReadonlyMap<string, NodeValue>;
}

/** A field: a node, a list, or the text of anything else; null for `<>`. */
export type NodeValue = Node | readonly NodeValue[] | string | null;

export const isNode = (value: NodeValue | undefined): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value);

/** `{`, `}`, `(`, `)`, a quoted string, or what stands between spaces; a backslash takes the next character as it is. */
const TOKEN = /[{}()]|"(?:[^"\\]|\\.)*"|(?:[^\s{}()\\]|\\.)+/g;

/** Reads a tree. Throws where the text is none: a change of PostgreSQL's format must not pass for an empty statement. */
export function readNodeTree(text: string): NodeValue {
  return new Reader(text.match(TOKEN) ?? []).whole();
}

class Reader {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
  }

  whole(): NodeValue {
    const value = this.#value();
    if (this.#at < this.#tokens.length) throw new Error(`not a node tree, at ${this.#tokens[this.#at]}`);
    return value;
  }

  #value(): NodeValue {
    const token = this.#next();
    if (token === '{') return this.#node();
    if (token === '(') return this.#list();
    if (token === '<>') return null;
    return token.startsWith('"') ? token.slice(1, -1).replace(/\\(.)/g, '$1') : token.replace(/\\(.)/g, '$1');
  }

  #node(): Node {
    const kind = this.#next();
    const fields = new Map<string, NodeValue>();
    while (this.#tokens[this.#at] !== '}') {
      const name = this.#next();
      if (!name.startsWith(':')) throw new Error(`not a node tree, at ${name} in ${kind}`);
      const values: NodeValue[] = [];
      while (!this.#endsField()) values.push(this.#value());
      fields.set(name.slice(1), values.length === 1 ? values[0]! : values);
    }
    this.#at += 1;
    return { kind, fields };
  }

  #endsField(): boolean {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw new Error('a node tree that ends too early');
    return token === '}' || /^:[a-z_]/i.test(token);
  }

  #list(): NodeValue[] {
    const values: NodeValue[] = [];
    while (this.#tokens[this.#at] !== ')') values.push(this.#value());
    this.#at += 1;
    return values;
  }

  #next(): string {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw new Error('a node tree that ends too early');
    this.#at += 1;
    return token;
  }
}

/** All nodes of a tree, each before those under it. */
export function* nodesIn(value: NodeValue): Generator<Node> {
  if (Array.isArray(value)) for (const item of value as readonly NodeValue[]) yield* nodesIn(item);
  else if (isNode(value)) {
    yield value;
    for (const field of value.fields.values()) yield* nodesIn(field);
  }
}
