/**
 * The kinds of column that a backup knows how to carry without loss. `timestamp` has milliseconds, as JavaScript's Date has; `integer?` may be
 * NULL.
 */
export type ColumnKind = 'integer' | 'integer?' | 'text' | 'timestamp';

export interface TableFormat {
  readonly name: string;
  readonly columns: Readonly<Record<string, ColumnKind>>;
  /** The primary key; rows are kept in its order. Default: the first column. */
  readonly key?: readonly string[];
  /** A column that counts changes, for compare-and-swap: a restore raises it instead of bringing it back. */
  readonly version?: string;
  /** Columns that name a row of another table of the backup by its key: one column, or several as in `restaurant_id, slot`. */
  readonly references?: Readonly<Record<string, string>>;
}

/** What one system's backups hold. */
export interface BackupFormat {
  /** Tells this system's files from anybody else's. */
  readonly name: string;
  /** Raised whenever tables or columns change; older and newer files are refused. */
  readonly version: number;
  /** Referenced tables before those that reference them. */
  readonly tables: readonly TableFormat[];
  /** Sequences, with the table whose ids each gives out. */
  readonly sequences: Readonly<Record<string, string>>;
}

export type ColumnValue = string | number | null;
export type BackupRow = Readonly<Record<string, ColumnValue>>;

export interface BackupContents {
  readonly tables: Readonly<Record<string, readonly BackupRow[]>>;
  /** The highest value that each sequence has given out; 0 where it has given out none. */
  readonly sequences: Readonly<Record<string, number>>;
}

export interface BackupDocument extends BackupContents {
  readonly createdAt: string;
}

export function primaryKey(table: TableFormat): readonly string[] {
  return table.key ?? Object.keys(table.columns).slice(0, 1);
}

/** The column by which others name a row of this table; undefined where the key has several. */
export function idColumn(table: TableFormat): string | undefined {
  const [first, ...rest] = primaryKey(table);
  return rest.length === 0 ? first : undefined;
}
