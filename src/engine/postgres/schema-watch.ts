import type { ScriptSession } from './script-session.js';

/**
 * Notices that a run has changed the schema: a table that an operation created or dropped, also in a function. Event triggers count such commands
 * in a sequence, which a rollback leaves alone and which nobody waits for. Temporary objects go with their session, and are not counted. Where the
 * role may not make event triggers, nothing is noticed.
 */
export class SchemaWatch {
  readonly #session: ScriptSession;
  readonly #installed: boolean;

  private constructor(session: ScriptSession, installed: boolean) {
    this.#session = session;
    this.#installed = installed;
  }

  /** Call when the schema is there, and all that we add to it. */
  static async install(session: ScriptSession): Promise<SchemaWatch> {
    try {
      await session.run(INSTALL);
      return new SchemaWatch(session, true);
    } catch {
      return new SchemaWatch(session, false);
    }
  }

  /** Whether it has changed, as an expression. */
  get changed(): string {
    return this.#installed ? '(SELECT is_called FROM lastseat.schema_changes)' : 'false';
  }

  /** Runs a script whose first value is {@link changed}, and says whether the schema was still as it had been made. What the script has done counts only then. */
  async unlessChanged(script: string): Promise<boolean> {
    try {
      return (await this.#session.firstValue(script)) === false;
    } catch (error) {
      // On another schema it need not even work.
      if ((await this.#session.firstValue(`SELECT ${this.changed}`)) === true) return false;
      throw error;
    }
  }
}

const INSTALL = `
CREATE SEQUENCE lastseat.schema_changes;
CREATE FUNCTION lastseat.note_change() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() WHERE schema_name IS DISTINCT FROM 'pg_temp' AND command_tag <> 'REFRESH MATERIALIZED VIEW') THEN
    PERFORM pg_catalog.nextval('lastseat.schema_changes');
  END IF;
END $$;
CREATE FUNCTION lastseat.note_drop() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF EXISTS (SELECT FROM pg_event_trigger_dropped_objects() WHERE NOT is_temporary) THEN
    PERFORM pg_catalog.nextval('lastseat.schema_changes');
  END IF;
END $$;
CREATE EVENT TRIGGER lastseat_changes ON ddl_command_end EXECUTE FUNCTION lastseat.note_change();
CREATE EVENT TRIGGER lastseat_drops ON sql_drop EXECUTE FUNCTION lastseat.note_drop();`;
