/** A type that columns and expressions have, and values of it, the simplest first. */
export interface FuzzType {
  /** Its name in `pg_type`. */
  readonly name: string;
  /** How columns of it are declared. */
  readonly spellings: readonly string[];
  /** The first three differ, so that unique columns can be filled. */
  readonly literals: readonly string[];
}

export const TYPES: readonly FuzzType[] = [
  { name: 'int4', spellings: ['int', 'int', 'int'], literals: ['1', '2', '3', '0', '-1', '4'] },
  { name: 'text', spellings: ['text'], literals: ["'a'", "'b'", "'Ab c'", "''", "'x%_'", "'12'", "'é'"] },
  { name: 'bool', spellings: ['boolean'], literals: ['true', 'false', 'NULL::bool'] },
  { name: 'numeric', spellings: ['numeric', 'numeric(6,2)', 'numeric(5)'], literals: ['1.5', '2', '-0.25', '0', '10.00'] },
  { name: 'date', spellings: ['date'], literals: ["'2026-01-01'", "'2026-01-02'", "'2025-12-31'", "'2024-02-29'"] },
  {
    name: 'timestamptz',
    spellings: ['timestamptz'],
    literals: ["'2026-01-01T00:00:00Z'", "'2026-01-01T12:30:00Z'", "'2025-06-30T23:59:59Z'"],
  },
  { name: 'int8', spellings: ['bigint'], literals: ['1', '2', '9007199254740993', '0', '-5'] },
  { name: 'int2', spellings: ['smallint'], literals: ['1', '2', '3', '0', '-1'] },
  { name: 'float8', spellings: ['double precision'], literals: ['1.5', '2', '-0.5', '0', '1e20'] },
  { name: 'float4', spellings: ['real'], literals: ['1.5', '2', '-0.5'] },
  { name: 'varchar', spellings: ['varchar(8)', 'varchar'], literals: ["'a'", "'b'", "'Ab '", "'long'"] },
  { name: 'bpchar', spellings: ['char(3)', 'bpchar'], literals: ["'a'", "'b'", "'ab '"] },
  { name: 'timestamp', spellings: ['timestamp'], literals: ["'2026-01-01 00:00:00'", "'2026-01-01 12:30:00'", "'2025-06-30 23:59:59'"] },
  { name: 'time', spellings: ['time'], literals: ["'12:00'", "'00:00:01'", "'23:59'"] },
  { name: 'interval', spellings: ['interval'], literals: ["'1 day'", "'2 hours'", "'1 month'", "'-3 days'"] },
  {
    name: 'uuid',
    spellings: ['uuid'],
    literals: [
      "'00000000-0000-4000-8000-000000000001'",
      "'00000000-0000-4000-8000-000000000002'",
      "'00000000-0000-4000-8000-00000000000a'",
    ],
  },
  { name: 'jsonb', spellings: ['jsonb'], literals: [`'{"a": 1}'`, "'[1, 2]'", `'{"a": {"b": null}}'`, "'3'", "'null'"] },
  { name: 'bytea', spellings: ['bytea'], literals: ["'\\x01'", "'\\x'", "'\\xff00'"] },
  { name: '_int4', spellings: ['int[]'], literals: ["'{1,2}'", "'{}'", "'{3}'", "'{NULL,1}'"] },
  { name: '_text', spellings: ['text[]'], literals: ["'{a,b}'", "'{}'", "'{c}'"] },
  { name: 'daterange', spellings: ['daterange'], literals: ["'[2026-01-01,2026-01-03)'", "'[2026-01-02,2026-01-04)'", "'empty'"] },
  { name: 'int4range', spellings: ['int4range'], literals: ["'[1,3)'", "'[2,5)'", "'empty'"] },
];

const byName = new Map(TYPES.map((type) => [type.name, type]));

export const typeNamed = (name: string): FuzzType => byName.get(name)!;
