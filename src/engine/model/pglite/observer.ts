import utils from 'pg/lib/utils.js';
import { readStatement } from '../../../sql/text.js';
import { withClock } from '../../clock-functions.js';
import type { Outcome, Statement } from '../../contract.js';
import type { Footprint } from '../../footprint.js';
import { type CalledFunction, calledFunctions } from '../../footprints/catalogue.js';
import { functionsIn, HAS_TREE, type Read, type Schema, sayOf, widened } from '../../footprints/statement.js';
import { readNodeTree } from '../../node-tree.js';
import { settingStatements } from '../../settings.js';
import type { PgliteSchema } from './schema.js';

/** Tells footprints on the model: what PostgreSQL's tree of a statement says. Behind what it does not show stands, on the model, nothing that is told. */
export class ModelObserver {
  readonly #pglite: PgliteSchema;
  #schema: Schema | null = null;
  /** By text; null where there is no tree. */
  readonly #read = new Map<string, Read | null>();

  constructor(pglite: PgliteSchema) {
    this.#pglite = pglite;
  }

  /** `resumed`: it goes on after a wait. */
  footprint({ text, values }: Statement, outcome: Outcome, resumed: boolean): Footprint {
    if (settingStatements(text) !== null) return [];
    // Says that its transaction has failed already.
    if (outcome.kind !== 'blocked' && outcome.reply.kind === 'error' && outcome.reply.code === '25P02') return [];
    const read = this.#treeOf(withClock(text));
    if (read === null) return null;
    const parameters = values.map((value) => {
      const prepared = utils.prepareValue(value);
      return prepared == null ? null : String(prepared);
    });
    const said = sayOf(read.tree, read.functions, this.#pglite.facts, parameters);
    if (said.hidden) return null;
    return (resumed ? widened(said) : said).accesses;
  }

  #treeOf(text: string): Read | null {
    const { facts } = this.#pglite;
    if (this.#schema !== facts) this.#read.clear();
    this.#schema = facts;
    let read = this.#read.get(text);
    if (read === undefined) {
      read = HAS_TREE.has(readStatement(text).verb) ? this.#analyse(text.trim().replace(/;$/, ''), facts) : null;
      this.#read.set(text, read);
    }
    return read;
  }

  #analyse(text: string, schema: Schema): Read | null {
    const instance = this.#pglite.open();
    let prepared = false;
    const ask = (sql: string) => instance.script(sql).at(-1)?.[0]?.[0] ?? null;
    try {
      const types = ask(`BEGIN; PREPARE ls_read AS ${text}\n;
        SELECT array_to_string(parameter_types, ', ') FROM pg_prepared_statements WHERE name = 'ls_read'`);
      prepared = true;
      const body = ask(`CREATE FUNCTION lastseat.ls_read(${types}) RETURNS void BEGIN ATOMIC ${text}\n; END;
        SELECT prosqlbody FROM pg_proc WHERE pronamespace = 'lastseat'::regnamespace AND proname = 'ls_read'`);
      const tree = readNodeTree(String(body));
      const oids = functionsIn(tree, schema);
      const functions = oids.length === 0 ? '[]' : ask(calledFunctions(oids));
      return { tree, functions: JSON.parse(String(functions)) as CalledFunction[] };
    } catch {
      return null;
    } finally {
      instance.script(prepared ? 'ROLLBACK; DEALLOCATE ls_read' : 'ROLLBACK');
    }
  }
}
