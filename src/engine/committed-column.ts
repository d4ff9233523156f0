/** A column of which a committed state shows the value; `type` is PostgreSQL's name for it, a domain's that of what it is over. */
interface ShownColumn {
  readonly name: string;
  readonly type: string;
}

/** SQL for a column as a committed state shows it: 64-bit and decimal numbers as strings, times in ISO 8601 with milliseconds, as actors see them. */
export function committedColumn({ name, type }: ShownColumn): string {
  const column = `"${name.replaceAll('"', '""')}"`;
  return `${shown(column, type)} AS ${column}`;
}

function shown(column: string, type: string): string {
  if (type === 'int8' || type === 'numeric') return `${column}::text`;
  if (type === 'timestamptz' || type === 'timestamp')
    return `to_char(${column}${type === 'timestamptz' ? " AT TIME ZONE 'UTC'" : ''}, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
  return column;
}
