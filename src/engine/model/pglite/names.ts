/** How names and values are written in SQL. */
export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const literal = (text: string | null): string => (text === null ? 'NULL' : `'${text.replaceAll("'", "''")}'`);
/** As SQL names it, wherever the search path leads. */
export const qualified = ({ schema, name }: { readonly schema: string; readonly name: string }): string =>
  `${quote(schema)}.${quote(name)}`;
