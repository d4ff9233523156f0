import type { Client } from '../../../../src/index.js';
import type { BackupRow, TableFormat } from './format.js';

/** The protocol counts a statement's parameters in 16 bits. */
const maxParameters = 65_535;

/** Inserts a table's rows with as few statements as the protocol allows: one, for tables of ordinary size. */
export async function insertRows(client: Client, table: TableFormat, rows: readonly BackupRow[]): Promise<void> {
  const columns = Object.keys(table.columns);
  const rowsPerStatement = Math.floor(maxParameters / columns.length);
  for (let start = 0; start < rows.length; start += rowsPerStatement) {
    const batch = rows.slice(start, start + rowsPerStatement);
    const values = batch.map(
      (_row, index) => `(${columns.map((_column, offset) => `$${index * columns.length + offset + 1}`).join(', ')})`,
    );
    await client.query(
      `INSERT INTO ${table.name} (${columns.join(', ')}) VALUES ${values.join(', ')}`,
      batch.flatMap((row) => columns.map((column) => row[column])),
    );
  }
}
