import { CATALOG, type CatalogRows } from './catalog-rows.js';
import { KeptFiles } from './kept-files.js';

/** What the catalogue says of a schema, kept between processes: what another question was answered with is not read. */
const files = new KeptFiles('catalogues', CATALOG);

export function keptRows(schema: string): CatalogRows | null {
  const found = files.read(schema) as Partial<CatalogRows> | null;
  const isWhole = Array.isArray(found?.tables) && Array.isArray(found.sequences) && Array.isArray(found.volatile);
  return isWhole ? (found as CatalogRows) : null;
}

export const keepRows = (schema: string, rows: CatalogRows): void => files.write(schema, rows);
