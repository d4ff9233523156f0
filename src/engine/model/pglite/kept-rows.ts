import { chanceFunctions } from '../../chance-functions.js';
import { clockFunctions } from '../../clock-functions.js';
import { CATALOG, type CatalogRows } from './catalog-rows.js';
import { KeptFiles } from './kept-files.js';

/** What the catalogue says of a schema, kept between processes: what another question was answered with, or another set of functions of ours, is not read. */
const files = new KeptFiles('catalogues', `${CATALOG}${clockFunctions(0)}${chanceFunctions()}`);

const clockedKey = (schema: string, clockMs: number): string => `${schema}\n-- ${clockMs}`;

export function keptRows(schema: string, clockMs: number): CatalogRows | null {
  const found = read(schema);
  return found?.clocked === true ? read(clockedKey(schema, clockMs)) : found;
}

function read(key: string): CatalogRows | null {
  const found = files.read(key) as Partial<CatalogRows> | null;
  const isWhole =
    Array.isArray(found?.tables) && Array.isArray(found.sequences) && Array.isArray(found.volatile) && typeof found.contents === 'object';
  return isWhole ? (found as CatalogRows) : null;
}

export function keepRows(schema: string, clockMs: number, rows: CatalogRows): void {
  files.write(schema, rows);
  if (rows.clocked) files.write(clockedKey(schema, clockMs), rows);
}
