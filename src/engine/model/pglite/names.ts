/** How names and values are written in SQL. */
export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const literal = (text: string | null): string => (text === null ? 'NULL' : `'${text.replaceAll("'", "''")}'`);
